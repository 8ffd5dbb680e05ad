import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as environment from "../../../scripts/setup/javascript-environment.mjs";
import { runStage } from "../../../scripts/setup.mjs";
import { type RunningServer, readmeSnippet, root, startServer } from "../server.ts";

let server: RunningServer;
const file = join(root, environment.folder, "first-model.mjs");

beforeAll(async () => {
  await runStage(environment);
  server = await startServer();
}, 300_000);

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
