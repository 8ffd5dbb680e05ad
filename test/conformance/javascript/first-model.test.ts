import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningServer, readmeSnippet, root, startServer } from "../server.ts";

let server: RunningServer;
// Inside the repository, so that the snippet's imports resolve to the installed SDK.
const file = join(root, "packages", "server", `.readme-snippet-${process.pid}.mjs`);

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  rmSync(file, { force: true });
  await server.stop();
});

test("the README's JavaScript snippet prints a prediction", () => {
  writeFileSync(file, readmeSnippet("javascript"));
  const result = spawnSync(process.execPath, [file], {
    cwd: root,
    env: { PATH: process.env["PATH"], ...server.environment },
    encoding: "utf8",
    timeout: 120_000,
  });
  expect(result.stderr).not.toContain("Error");
  expect(JSON.parse(result.stdout)).toMatchObject({ predictions: [{ predicted_label: 0 }] });
});
