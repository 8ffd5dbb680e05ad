import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../log.ts";
import type { Engine } from "../engine.ts";
import { openEngine } from "../open-engine.ts";
import { requirements, where } from "../requirements.ts";
import { inPhase, until, Workshop } from "../testkit/workshop.ts";
import { Launcher } from "./launcher.ts";
import { engineFolders } from "./run-folder.ts";
import { nativeSupervisor, nodeSupervisor } from "./supervisor.ts";

where("a process that launches supervisors", [requirements.nativeSupervisor], () => {
  let shop: Workshop;
  let engine: Engine;
  beforeEach(async () => {
    shop = await Workshop.open();
    engine = await openEngine({ directory: shop.engineDirectory, kind: "process", log: silentLog });
  });
  afterEach(async () => {
    for (const id of await engine.list()) await engine.remove(id);
    await engine.close();
    await shop.close();
  });
  const start = async (id: string) => engine.start(id, await shop.run(id, ["/bin/sh", "-c", "echo went; exit 3"]));
  const ended = async (id: string) => {
    expect(await until(engine, id, inPhase("exited"))).toMatchObject({ exitCode: 3 });
    expect(await shop.logLines(id)).toEqual(["went"]);
  };

  test("one of them serves all runs, however many begin at once, and goes with its engine", async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `run-${index}`);
    await Promise.all(ids.map(start));
    const [only, ...others] = launchers();
    expect(others).toEqual([]);
    for (const id of ids) await ended(id);
    expect(launchers()).toEqual([only]);
    await engine.close();
    await expect.poll(launchers).toEqual([]);
  });

  test("when it is killed, runs go on, and those that begin then have another", async () => {
    await engine.start("first", await shop.run("first", ["/bin/sh", "-c", "sleep 1; echo went; exit 3"]));
    const [killed] = launchers();
    process.kill(killed as number, "SIGKILL");
    await Promise.all(["second", "third"].map(start));
    await start("fourth");
    for (const id of ["first", "second", "third", "fourth"]) await ended(id);
    expect(launchers()).not.toContain(killed);
  });

  test("what cannot be started is said with its reason, and keeps nothing else from starting", async () => {
    const launcher = new Launcher(nativeSupervisor() ?? nodeSupervisor());
    const missing = launcher.launch(join(shop.root, "no plan"));
    await start("beside");
    expect(await missing).toEqual({ word: "failed", why: "the plan cannot be read" });
    await ended("beside");
    const again = launcher.launch(join(engineFolders(shop.engineDirectory).runs, "beside", "plan"));
    expect(await again).toEqual({ word: "held" });
    launcher.close();
  });

  test("input that is no request ends it", () => {
    const [program = ""] = nativeSupervisor()?.command ?? [];
    expect(spawnSync(program, ["launcher"], { input: "without-a-plan\0" }).status).toBe(2);
    expect(spawnSync(program, ["launcher"], { input: "x".repeat(100_000) }).status).toBe(2);
    expect(spawnSync(program, ["launcher"], { input: "" }).status).toBe(0);
  });
});

/** The process ids of this process's launchers. */
function launchers(): number[] {
  const children = readdirSync("/proc/self/task").flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return children.filter((pid) => commandOf(pid).includes("launcher"));
}

function commandOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // it ended meanwhile
  }
}
