import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../log.ts";
import { bootId } from "../../process-identity.ts";
import { openEngine } from "../open-engine.ts";
import { requirements, where } from "../requirements.ts";
import { inPhase, until, untilLogged, Workshop } from "../testkit/workshop.ts";
import { engineFolders, readSupervisor } from "./run-folder.ts";
import { launch, nativeSupervisor, nodeSupervisor } from "./supervisor.ts";

let shop: Workshop;
beforeEach(async () => {
  shop = await Workshop.open();
});
afterEach(async () => {
  const engine = await openEngine({ directory: shop.engineDirectory, kind: "process", log: silentLog });
  for (const id of await engine.list()) await engine.remove(id);
  await engine.close();
  await shop.close();
});

const serverProgram = fileURLToPath(new URL("../testkit/run-starter.ts", import.meta.url));

/** A server that starts a run and is then killed with its whole process group. */
async function serverThatDies(kind: string, id: string, code: string): Promise<void> {
  const request = JSON.stringify({ directory: shop.engineDirectory, kind, id, spec: await shop.script(id, code) });
  const server = spawn(process.execPath, [serverProgram], { detached: true, stdio: ["pipe", "pipe", "inherit"] });
  server.stdin.end(request);
  await once(server.stdout, "data");
  process.kill(-(server.pid as number), "SIGKILL");
  await once(server, "exit");
}

const needed = { process: [], sandbox: [requirements.bubblewrap, requirements.userNamespaces] };
for (const kind of ["process", "sandbox"] as const) {
  where(`a ${kind} run survives its server`, needed[kind], () => {
    test(`a ${kind} run survives its server: output and exit code are not lost`, async () => {
      await serverThatDies(
        kind,
        "orphan",
        `console.log("up"); setInterval(() => { if (fs.existsSync(ml + "/go")) { console.log("went on"); process.exit(7) } }, 5)`,
      );
      const engine = await openEngine({ directory: shop.engineDirectory, kind, log: silentLog });
      await untilLogged(shop, "orphan", "up");
      expect(await engine.observe("orphan")).toMatchObject({ phase: "running" });
      await shop.place("orphan", "go");
      expect(await until(engine, "orphan", inPhase("exited"))).toMatchObject({ exitCode: 7 });
      expect(await shop.logLines("orphan")).toEqual(["up", "went on"]);
      await engine.close();
    });

    test(`a ${kind} run that ended while no server was there is found exited`, async () => {
      await serverThatDies(kind, "alone", `process.exitCode = 3`);
      const supervisor = readSupervisor(engineFolders(shop.engineDirectory), "alone");
      expect(supervisor?.boot).toBe(bootId());
      const engine = await openEngine({ directory: shop.engineDirectory, kind, log: silentLog });
      expect(await until(engine, "alone", inPhase("exited"))).toMatchObject({ exitCode: 3 });
      expect(await engine.list()).toEqual(["alone"]);
      await engine.close();
    });
  });
}

test("a run of an earlier boot is lost, and the reason says so", async () => {
  const engine = await openEngine({ directory: shop.engineDirectory, kind: "process", log: silentLog });
  await engine.start("old", await shop.script("old", `setInterval(() => {}, 1000)`));
  const pidFile = join(shop.engineDirectory, "runs", "old", "pid");
  const text = await readFile(pidFile, "utf8");
  await shop.write(pidFile, text.replace(bootId(), "another-boot"));
  expect(await engine.observe("old")).toMatchObject({ phase: "lost", reason: expect.stringContaining("restarted") });
  await shop.write(pidFile, text);
  await engine.close();
});

test("a process that took over a dead supervisor's number is not taken for it", async () => {
  const engine = await openEngine({ directory: shop.engineDirectory, kind: "process", log: silentLog });
  await engine.start("reused", await shop.script("reused", ""));
  await until(engine, "reused", inPhase("exited"));
  const { runs, exits } = engineFolders(shop.engineDirectory);
  await shop.write(join(runs, "reused", "pid"), `${process.pid} 12345 ${bootId()}\n`);
  await shop.remove(join(exits, "reused"));
  expect(await engine.observe("reused")).toMatchObject({ phase: "lost" });
  await engine.remove("reused"); // and this process was sent no signal
  await engine.close();
});

test("a start that a killed server left half-way is done again", async () => {
  const { runs } = engineFolders(shop.engineDirectory);
  const engine = await openEngine({ directory: shop.engineDirectory, kind: "process", log: silentLog });
  await shop.write(join(runs, "half", "plan"), "run\0/nowhere\0exi");
  expect(await engine.observe("half")).toEqual({ phase: "absent" });
  expect(await engine.list()).toEqual(["half"]);
  await engine.start("half", await shop.script("half", `console.log("ran")`));
  expect(await until(engine, "half", inPhase("exited"))).toMatchObject({ exitCode: 0 });
  await engine.close();
});

for (const supervisor of [nativeSupervisor(), nodeSupervisor()]) {
  if (supervisor === undefined) continue;
  test(`a second ${supervisor.kind} supervisor leaves the run to the first`, async () => {
    const engine = await openEngine({ directory: shop.engineDirectory, kind: "process", log: silentLog, supervisor });
    await engine.start(
      "one",
      await shop.script("one", `fs.appendFileSync(ml + "/count", "x"); console.log("up"); setInterval(() => {}, 1000)`),
    );
    await untilLogged(shop, "one", "up");
    const plan = join(engineFolders(shop.engineDirectory).runs, "one", "plan");
    expect(await launch(supervisor, plan)).toEqual({ word: "held" });
    await engine.stop("one", 0);
    await until(engine, "one", inPhase("exited"));
    expect(await launch(supervisor, plan)).toEqual({ word: "held" }); // nor after its end
    expect(await readFile(join(shop.mlDirectory("one"), "count"), "utf8")).toBe("x");
    await engine.close();
  });
}
