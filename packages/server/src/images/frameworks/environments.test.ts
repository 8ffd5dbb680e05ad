import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { requirements, where } from "../../engines/requirements.ts";
import { silentLog } from "../../log.ts";
import { type EnvironmentRecipe, recipeKey } from "./environment-recipe.ts";
import { type Environment, type EnvironmentState, Environments } from "./environments.ts";
import { findPythons } from "./find-pythons.ts";

// Making an environment is seconds of work for one core, and the cores may have other work.
vi.setConfig({ testTimeout: 180_000 });

let directory: string;
let recipe: EnvironmentRecipe;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sagebrush-environments-"));
  const python = (await findPythons()).find(({ makesEnvironments }) => makesEnvironments);
  if (python)
    recipe = {
      title: "Nothing, tag 1",
      framework: "Nothing",
      python,
      packages: [],
      systemPackages: false,
      isLibrary: false,
      notices: [],
    };
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function settled(environments: Environments, wanted: EnvironmentRecipe): Promise<EnvironmentState> {
  for (;;) {
    const state = await environments.prepare(wanted);
    if (state.state !== "preparing") return state;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

where("environments of Python", [requirements.pythonEnvironments], () => {
  test("two servers that want one environment make it once, and both have it", async () => {
    const servers = [1, 2].map(() => new Environments({ directory, log: silentLog }));
    const first = await servers[0]!.prepare(recipe);
    expect(first).toEqual({ state: "preparing", progress: { text: expect.any(String) } });
    const states = await Promise.all(servers.map((each) => settled(each, recipe)));
    expect(states[0]).toMatchObject({ state: "ready" });
    expect(states[1]).toEqual(states[0]);
    const attempts = await readdir(join(directory, recipeKey(recipe)));
    expect(attempts.filter((name) => /^[0-9a-f]{8}$/.test(name))).toHaveLength(1);
    const { environment } = states[0] as { environment: Environment };
    expect(((await stat(environment.folder)).mode & 0o005).toString(8)).toBe("5"); // jobs have users of their own
    // Another server finds it at once.
    expect(await new Environments({ directory, log: silentLog }).prepare(recipe)).toEqual(states[0]);
  });

  test("what cannot be installed fails with the installer's words, and the next try is a new one", async () => {
    const environments = new Environments({ directory, log: silentLog });
    const impossible = { ...recipe, packages: ["--no-index", "no-such-package==1.0"] };
    const state = await settled(environments, impossible);
    expect(state).toEqual({ state: "failed", reason: expect.stringMatching(/no-such-package/) });
    // Whoever else waited hears the same.
    expect(await environments.prepare(impossible)).toEqual(state);
    await environments.close();
  });

  test("closing ends an installer that is under way", async () => {
    const environments = new Environments({ directory, log: silentLog });
    const slow = { ...recipe, packages: ["--no-index", "another"] };
    await environments.prepare(slow);
    await environments.close();
    expect(await environments.prepare(slow)).toMatchObject({ state: "failed" });
    expect(existsSync(join(directory, recipeKey(slow), "complete.json"))).toBe(false);
  });

  test("an environment whose files are gone is made anew", async () => {
    const environments = new Environments({ directory, log: silentLog });
    const before = (await settled(environments, recipe)) as { environment: Environment };
    await rm(before.environment.folder, { recursive: true });
    expect(await environments.prepare(recipe)).toMatchObject({ state: "preparing" });
    const after = (await settled(environments, recipe)) as { environment: Environment };
    expect(existsSync(after.environment.python)).toBe(true);
    expect(after.environment.folder).not.toBe(before.environment.folder);
  });

  test("complete ones are listed, and removed unless somebody makes them", async () => {
    const environments = new Environments({ directory, log: silentLog });
    const making = { ...recipe, packages: ["--no-index"] };
    await settled(environments, recipe);
    await environments.prepare(making);
    expect(await environments.list()).toEqual([
      {
        key: recipeKey(recipe),
        title: "Nothing, tag 1",
        sizeBytes: expect.any(Number),
        usedAt: expect.closeTo(Date.now(), -6),
      },
    ]);
    expect(await environments.remove(recipeKey(making))).toBe(false);
    expect(await environments.remove(recipeKey(recipe))).toBe(true);
    expect(await environments.list()).toEqual([]);
    expect(existsSync(join(directory, recipeKey(recipe)))).toBe(false);
    await environments.close();
  });

  test("leftovers are collected at once, whole ones when unused for long and over the limit", async () => {
    const environments = new Environments({ directory, log: silentLog });
    const key = recipeKey(recipe);
    await settled(environments, recipe);
    await mkdir(join(directory, key, "00000000"));
    await writeFile(join(directory, key, "00000000", "half"), "");
    const day = 24 * 3600_000;
    await environments.collect(() => false);
    expect(existsSync(join(directory, key, "00000000"))).toBe(false);
    expect(await environments.prepare(recipe)).toMatchObject({ state: "ready" });
    // Unused, but there is room.
    expect(await environments.collect(() => false, 1e12, Date.now() + 2 * day)).toBe(0);
    // Over the limit, but used lately; or old, but in use.
    expect(await environments.collect(() => false, 0)).toBe(0);
    expect(await environments.collect((each) => each === key, 0, Date.now() + 2 * day)).toBe(0);
    await utimes(join(directory, key, "complete.json"), new Date(0), new Date(0));
    expect(await environments.collect(() => false, 0)).toBe(1);
    expect(existsSync(join(directory, key))).toBe(false);
  });
});
