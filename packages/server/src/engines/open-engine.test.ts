import { chmod, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../log.ts";
import { EngineUnavailable } from "./engine.ts";
import { openEngine } from "./open-engine.ts";
import { requirements, where } from "./requirements.ts";
import { engineFolders } from "./supervised/run-folder.ts";
import type { Supervisor } from "./supervised/supervisor.ts";
import { inPhase, until, Workshop } from "./testkit/workshop.ts";

let shop: Workshop;
beforeEach(async () => {
  shop = await Workshop.open();
});
afterEach(() => shop.close());

/** Stands for everything that can be wrong with a host: no sandbox ever starts under it. */
const broken: Supervisor = { kind: "native", command: ["/bin/false"], program: "/bin/false" };

test("where sandboxes do not work, `auto` takes plain processes and says what that means", async () => {
  const engine = await openEngine({
    directory: shop.engineDirectory,
    kind: "auto",
    log: silentLog,
    supervisor: broken,
  });
  expect(engine.name).toBe("process");
  expect(engine.capabilities.isolation).toBe(false);
  expect(engine.capabilities.notices[0]).toMatch(/^no isolation \(.+\): /);
  await engine.close();
});

test("where sandboxes do not work, asking for them fails with the reason", async () => {
  const opened = openEngine({ directory: shop.engineDirectory, kind: "sandbox", log: silentLog, supervisor: broken });
  await expect(opened).rejects.toThrow(EngineUnavailable);
});

test.for(["auto", "process"] as const)(
  "where isolation is required, `%s` never gives plain processes",
  async (kind) => {
    const options = { directory: shop.engineDirectory, log: silentLog, supervisor: broken, isolationRequired: true };
    await expect(openEngine({ ...options, kind })).rejects.toThrow(/other machines/);
  },
);

test("a run that cannot be started is refused and leaves nothing behind", async () => {
  const engine = await openEngine({
    directory: shop.engineDirectory,
    kind: "process",
    log: silentLog,
    supervisor: broken,
  });
  await expect(engine.start("x", await shop.script("x", ""))).rejects.toThrow(EngineUnavailable);
  expect(await engine.observe("x")).toEqual({ phase: "absent" });
  expect(await engine.list()).toEqual([]);
  await engine.close();
});

where("a missing input", [requirements.nativeSupervisor], () => {
  test("a channel whose object is missing refuses the start and names it; a corrected one starts", async () => {
    const engine = await openEngine({ directory: shop.engineDirectory, kind: "process", log: silentLog });
    const channel = await shop.channel("/opt/ml/input/data/train", { a: "1" });
    const gone = { ...channel, files: [{ path: "a", source: join(shop.root, "objects", "gone"), sizeBytes: 1 }] };
    await expect(engine.start("x", await shop.script("x", "", { channels: [gone] }))).rejects.toThrow(/No such file/);
    await engine.start("x", await shop.script("x", "", { channels: [channel] }));
    expect(await until(engine, "x", inPhase("exited"))).toMatchObject({ exitCode: 0 });
    await engine.remove("x");
    await engine.close();
  });
});

test("a folder for sockets that others could have made is refused", async () => {
  const directory = join(shop.root, "a".repeat(90), "engine"); // too long for sockets of its own
  const { sockets } = engineFolders(directory);
  expect(sockets.startsWith(tmpdir())).toBe(true);
  await mkdir(sockets, { recursive: true });
  await chmod(sockets, 0o777);
  await expect(openEngine({ directory, kind: "process", log: silentLog })).rejects.toThrow(/mode 0700/);
  await shop.remove(sockets);
});
