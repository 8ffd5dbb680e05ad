import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { run, verify } from "../../scripts/setup/packages.mjs";

/** How set-up sees whether npm put the pinned Node in place. `npm run test:npm` tries it with real ones. */
let clone: string;
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "sagebrush-packages-"));
  mkdirSync(join(clone, "node_modules", ".bin"), { recursive: true });
  writeFileSync(join(clone, "package.json"), JSON.stringify({ dependencies: { node: "^24.1.0" } }));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(clone, { recursive: true, force: true });
});

const nodes: readonly (readonly [name: string, script: string | undefined, isRight: boolean])[] = [
  ["the pinned release", "echo v24.1.0", true],
  ["another release", "echo v22.4.0", false],
  ["one whose number only begins like it", "echo v240.0.0", false],
  ["one that cannot run here", "exit 126", false],
  ["none", undefined, false],
];
test.for(nodes)("%s in node_modules/.bin", ([, script, isRight]) => {
  if (script !== undefined) place("node", script);
  expect(verify(clone)).toBe(isRight);
});

test("npm that did not run the install script: the error says what is missing, why, and what to do", async () => {
  npmThat("process.exit(0)");
  vi.stubEnv("npm_config_ignore_scripts", "true");
  const error = await failure();
  expect(error).toContain("The pinned Node (^24.1.0) is not in node_modules/.bin.");
  expect(error).toContain("npm is set to ignore-scripts=true here.");
  expect(error).toContain("npm ci && node_modules/.bin/node --version");
});

test("another Node in its place is named", async () => {
  npmThat("process.exit(0)");
  place("node", "echo v22.4.0");
  expect(await failure()).toContain("is not in node_modules/.bin: found v22.4.0.");
});

test("an install that fails is told as that", async () => {
  npmThat("process.exit(7)");
  expect(await failure()).toContain("`npm ci` failed (exit code 7)");
});

test("an install that puts the pinned Node in place is all there is to do", async () => {
  npmThat(`require("node:fs").writeFileSync("node_modules/.bin/node", "#!/bin/sh\\necho v24.1.0\\n", { mode: 0o755 })`);
  await expect(run(clone)).resolves.toBeUndefined();
});

function failure(): Promise<string> {
  return run(clone).then(
    () => "it succeeded",
    (error: Error) => error.message,
  );
}

/** A program in npm's place: set-up runs the npm that started it. */
function npmThat(does: string): void {
  const program = join(clone, "npm-cli.js");
  writeFileSync(program, does);
  vi.stubEnv("npm_execpath", program);
}

function place(name: string, script: string): void {
  const path = join(clone, "node_modules", ".bin", name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}
