import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requirements, where } from "../../packages/server/src/engines/requirements.ts";
import { root, startServer } from "../conformance/server.ts";

let folder: string;
let settings: string[];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-environments-"));
  const version = { python: "3.11", needs: "3.8-3.99" };
  const versions = { "1.0": { ...version, packages: ["six"] }, "2.0": { ...version, packages: ["idna"] } };
  const table = join(folder, "frameworks.json");
  writeFileSync(table, JSON.stringify([{ framework: "Small", repositories: ["small-training"], versions }]));
  settings = ["--data-dir", join(folder, "data"), "--environments-dir", join(folder, "made"), "--frameworks", table];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(...words: readonly string[]): ChildProcess {
  const command = join(root, "bin", "sagebrush");
  return spawn(process.execPath, [command, "environments", ...settings, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** What the command says, and how it ends. */
async function environments(...words: readonly string[]): Promise<{ code: number; out: string; error: string }> {
  const child = start(...words);
  const said = { out: "", error: "" };
  child.stdout?.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (said.error += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  return { code, ...said };
}

where("sagebrush environments", [requirements.pythonEnvironments], () => {
  test("makes an environment with lines of progress, lists it, makes it no second time, and removes it", {
    timeout: 240_000,
  }, async () => {
    expect((await environments()).out).toMatch(/^There are no environments/);
    const made = await environments("make", "small-training:1.0");
    expect(made).toMatchObject({ code: 0, out: "small-training:1.0 is ready.\n" });
    expect(made.error).toMatch(/^waiting for its turn\n/);
    expect(made.error).not.toContain("\r");
    const listed = (await environments("list")).out;
    expect(listed).toMatch(/^[0-9a-f]{24} +\d+ MB {2}used \d{4}-\d\d-\d\dT\d\d:\d\dZ {2}Small, tag 1\.0\n$/);
    expect(await environments("make", "small-training:1.0")).toMatchObject({ code: 0, error: "" });
    const key = listed.slice(0, 8);
    expect(await environments("remove", key)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Removed .*Small/),
    });
    expect((await environments()).out).toMatch(/^There are no environments/);
    expect(await environments("remove", key)).toMatchObject({ code: 1, error: expect.stringContaining(key) });
  });

  test.for<[readonly string[], number, string]>([
    [["make", "small-training:7"], 1, "tag 7 of small-training cannot be had; these can: 1.0, 2.0"],
    [["make", "linear-learner:1"], 1, "it is not a framework image"],
    [["make", "https://UPPER"], 1, "not an image reference"],
    [["make"], 2, "say list, make IMAGE..., or remove KEY..."],
    [["paint"], 2, "say list, make IMAGE..., or remove KEY..."],
  ])("%j is refused", async ([words, code, message]) => {
    expect(await environments(...words)).toMatchObject({ code, error: expect.stringContaining(message) });
  });

  test("an interrupt ends the installer and leaves no environment", { timeout: 60_000 }, async () => {
    const child = start("make", "small-training:2.0");
    await once(child.stderr as NonNullable<typeof child.stderr>, "data");
    child.kill("SIGINT");
    expect((await once(child, "close"))[0]).toBe(1);
    const made = join(folder, "made");
    const keys = readdirSync(made).filter((name) => !name.endsWith(".lock"));
    expect(keys.filter((key) => existsSync(join(made, key, "complete.json")))).toEqual([]);
  });

  test("beside a running server nothing is removed", async () => {
    const server = await startServer({ dataDirectory: join(folder, "data") });
    try {
      const refused = await environments("remove", "0123");
      expect(refused).toMatchObject({ code: 1, error: expect.stringContaining("a server runs") });
    } finally {
      await server.stop();
    }
  });
});
