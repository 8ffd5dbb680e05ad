import { defineConfig } from "vitest/config";

export default defineConfig({
  cacheDir: ".build/vitest",
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A condition is waited for as long as a test is: a busy machine is not a failure.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      { extends: true, test: { name: "server", include: ["packages/server/src/**/*.test.ts"] } },
      { extends: true, test: { name: "algorithms", include: ["packages/algorithms/src/**/*.test.ts"] } },
      { extends: true, test: { name: "conformance", include: ["test/**/*.test.ts"], testTimeout: 300_000 } },
    ],
  },
});
