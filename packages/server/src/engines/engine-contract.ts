import { once } from "node:events";
import { existsSync } from "node:fs";
import { chown, mkdtemp, readFile, rm, stat, symlink } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test as register } from "vitest";
import { memoryFileSystem } from "../data-directory.ts";
import { isAlive } from "../process-identity.ts";
import type { Engine, RunId, RunSpec } from "./engine.ts";
import { engineFolders, readSupervisor } from "./supervised/run-folder.ts";
import { inPhase, type RootKind, until, untilLogged, Workshop } from "./testkit/workshop.ts";
import { usedBytes } from "./used-bytes.ts";

/** An engine to hold to the contract. */
export interface Candidate {
  readonly name: string;
  /** Opens it on a directory, which another instance may have used before. */
  open(directory: string): Promise<Engine>;
  /** User id that the workshop's files belong to, when the engine runs as another user than the tests. */
  readonly owner?: number;
  /** Node as that user can read it. */
  readonly node?: string;
  /** Root of the runs; `files` when absent. */
  readonly root?: RootKind;
  /** Only the tests whose names contain this. */
  readonly only?: string;
  /** Variables that the engine adds besides those that every engine adds. */
  readonly ownVariables?: readonly string[];
  /** Kills whatever waits for a run's end, so that nobody can know how it ended; its supervisor when absent. */
  killSupervisor?(id: RunId): Promise<void>;
  /** False where files of a channel must be made writable before they can be overwritten in place. */
  readonly writableFiles?: boolean;
}

/** Every engine passes these, whatever it runs work in. */
export function engineContract(candidate: Candidate): void {
  describe(`the engine contract: ${candidate.name}`, () => {
    let shop: Workshop;
    let engine: Engine;
    let count = 0;
    beforeAll(async () => {
      shop = await Workshop.open(candidate.owner, candidate.node, candidate.root);
      engine = await candidate.open(shop.engineDirectory);
    });
    afterAll(async () => {
      for (const id of await engine.list()) await engine.remove(id);
      await engine.close();
      await shop.close();
    });

    const hasHostTools = typeof candidate.root !== "object";
    const test = (name: string, run: () => Promise<void>, runsHere = true) => {
      if (runsHere && (candidate.only === undefined || name.includes(candidate.only))) register(name, run);
    };
    const newId = () => `t-${process.pid}-${count++}`;
    const start = async (code: string, changes: Partial<RunSpec> = {}): Promise<RunId> => {
      const id = newId();
      await engine.start(id, await shop.script(id, code, changes));
      return id;
    };
    const runToEnd = async (code: string, changes: Partial<RunSpec> = {}) => {
      const id = await start(code, changes);
      return { id, ...(await until(engine, id, inPhase("exited"))), lines: await shop.logLines(id) };
    };

    const killSupervisor = async (id: RunId) => {
      const supervisor = readSupervisor(engineFolders(shop.engineDirectory), id);
      if (supervisor === undefined) throw new Error("no supervisor");
      process.kill(supervisor.pid, "SIGKILL");
      while (isAlive(supervisor)) await new Promise((resolve) => setTimeout(resolve, 5));
    };

    test("a run's output, times and exit code are kept", async () => {
      const before = Date.now();
      const run = await runToEnd(`console.log("out"); console.error("err"); process.exitCode = 7`);
      expect(run).toMatchObject({ exitCode: 7, lines: ["out", "err"] });
      expect(run).not.toHaveProperty("reason");
      expect(run.startedAt).toBeGreaterThanOrEqual(before);
      expect(run.endedAt).toBeGreaterThanOrEqual(run.startedAt);
      expect(run.endedAt).toBeLessThanOrEqual(Date.now());
      const times = (await readFile(shop.logFile(run.id), "utf8"))
        .trim()
        .split("\n")
        .map((line) => Number.parseInt(line));
      for (const time of times) expect(time).toBeGreaterThanOrEqual(before);
    });

    test("a signal that ends the first process is 128 and its number", async () => {
      const run = await runToEnd(`process.kill(process.pid, "SIGKILL"); setTimeout(() => {}, 10_000)`);
      expect(run.exitCode).toBe(137);
      expect(run).not.toHaveProperty("reason");
    });

    test("starting again, at once or after the end, does not run twice", async () => {
      const id = newId();
      const spec = await shop.script(id, `fs.appendFileSync(ml + "/count", "x")`);
      await Promise.all([engine.start(id, spec), engine.start(id, spec), engine.start(id, spec)]);
      await engine.start(id, spec);
      await until(engine, id, inPhase("exited"));
      await engine.start(id, spec);
      expect(await engine.observe(id)).toMatchObject({ phase: "exited", exitCode: 0 });
      expect(await readFile(join(shop.mlDirectory(id), "count"), "utf8")).toBe("x");
    });

    test("the environment is what was set, and the engine's own numbers", async () => {
      const run = await runToEnd(`console.log(JSON.stringify(process.env))`, {
        environment: { COLOUR: "a=b 'c' \"d\"\n", EMPTY: "" },
        resources: { cpus: 1, memoryBytes: 2 ** 30 },
      });
      const seen = JSON.parse(run.lines[0] ?? "") as Record<string, string>;
      expect(seen).toMatchObject({ COLOUR: "a=b 'c' \"d\"\n", EMPTY: "", SAGEBRUSH_CPUS: "1" });
      expect(Number(seen["SAGEBRUSH_MEMORY_BYTES"])).toBeLessThanOrEqual(2 ** 30);
      const own = new Set(["COLOUR", "EMPTY", "SAGEBRUSH_CPUS", "SAGEBRUSH_MEMORY_BYTES", "SAGEBRUSH_ML_ROOT", "PWD"]);
      for (const name of candidate.ownVariables ?? []) own.add(name);
      expect(Object.keys(seen).filter((name) => !own.has(name))).toEqual([]);
    });

    test("more than the host has becomes what the host has", async () => {
      const run = await runToEnd(`console.log(process.env.SAGEBRUSH_CPUS, process.env.SAGEBRUSH_MEMORY_BYTES)`, {
        resources: { cpus: 4096, memoryBytes: 2 ** 50 },
      });
      const [cpus, memory] = (run.lines[0] ?? "").split(" ").map(Number);
      expect(cpus).toBeLessThan(4096);
      expect(memory).toBeLessThan(2 ** 50);
    });

    test("SIGTERM reaches the first process, whose own exit code counts", async () => {
      const id = await start(
        `process.on("SIGTERM", () => { console.log("saving"); process.exit(3) }); setInterval(() => {}, 1000); console.log("up")`,
      );
      await untilLogged(shop, id, "up");
      await engine.stop(id, 20_000);
      await engine.stop(id, 20_000);
      expect(await until(engine, id, inPhase("exited"))).toMatchObject({ exitCode: 3 });
      expect(await shop.logLines(id)).toEqual(["up", "saving"]);
    });

    test("what does not listen is killed after its grace, with its children", async () => {
      const id = await start(`
        const { spawn } = require("node:child_process");
        process.on("SIGTERM", () => console.log("no"));
        spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); setInterval(() => require('fs').appendFileSync(process.argv[1], 'x'), 5)", ml + "/beat"], { stdio: "inherit" });
        setInterval(() => {}, 1000); console.log("up")`);
      await untilLogged(shop, id, "up");
      const beat = join(shop.mlDirectory(id), "beat");
      const size = () =>
        stat(beat).then(
          (about) => about.size,
          () => 0,
        );
      while ((await size()) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const asked = Date.now();
      await engine.stop(id, 200);
      const { exitCode, endedAt } = await until(engine, id, inPhase("exited"));
      expect(exitCode).toBe(137);
      expect(endedAt - asked).toBeGreaterThanOrEqual(200);
      expect(endedAt - asked).toBeLessThan(5000);
      const after = await size();
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(await size()).toBe(after);
    });

    test("a stop right after the start is not lost", async () => {
      const id = await start(`setInterval(() => {}, 1000)`);
      await engine.stop(id, 10_000);
      expect(await until(engine, id, inPhase("exited"), 8000)).toMatchObject({ exitCode: 143 });
    });

    test("a shorter grace shortens an earlier one", async () => {
      const id = await start(`process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")`);
      await untilLogged(shop, id, "up");
      await engine.stop(id, 60_000);
      await engine.stop(id, 0);
      expect(await until(engine, id, inPhase("exited"), 5000)).toMatchObject({ exitCode: 137 });
    });

    test("unknown runs are absent; stopping and removing them does nothing", async () => {
      expect(await engine.observe("nobody")).toEqual({ phase: "absent" });
      await engine.stop("nobody", 1000);
      await engine.remove("nobody");
    });

    test("ids that could be paths are refused", async () => {
      const spec = await shop.script("x", "");
      for (const id of ["", "../x", "a/b", "A", "a".repeat(64)])
        await expect(engine.start(id, spec)).rejects.toThrow(/id/);
    });

    test("removing a running run ends it and forgets it, but for its log and its directory", async () => {
      const id = await start(`fs.writeFileSync(ml + "/kept", "1"); console.log("up"); setInterval(() => {}, 1000)`);
      await untilLogged(shop, id, "up");
      expect(await engine.list()).toContain(id);
      await engine.remove(id);
      await engine.remove(id);
      expect(await engine.observe(id)).toEqual({ phase: "absent" });
      expect(await engine.list()).not.toContain(id);
      expect(await shop.logLines(id)).toEqual(["up"]);
      expect(await readFile(join(shop.mlDirectory(id), "kept"), "utf8")).toBe("1");
    });

    test("a removed id can run again", async () => {
      const id = newId();
      const spec = await shop.script(id, `console.log("again")`, {
        channels: [await shop.channel("/opt/ml/input/data/train", { a: "1" })],
      });
      for (const _ of [1, 2]) {
        await engine.start(id, spec);
        expect(await until(engine, id, inPhase("exited"))).toMatchObject({ exitCode: 0 });
        await engine.remove(id);
      }
      expect(await shop.logLines(id)).toEqual(["again", "again"]);
    });

    test("another instance on the same directory sees the run and its end", async () => {
      const id = await start(
        `console.log("up"); const i = setInterval(() => fs.existsSync(ml + "/go") && process.exit(5), 5)`,
      );
      const running = await until(engine, id, inPhase("running"));
      const second = await candidate.open(shop.engineDirectory);
      try {
        expect(await second.observe(id)).toEqual(running);
        expect(await second.list()).toContain(id);
        await second.stop(id, 10_000);
        expect(await until(second, id, inPhase("exited"))).toMatchObject({ exitCode: 143 });
      } finally {
        await second.close();
      }
    });

    test("a run whose supervisor was killed is lost, and nothing of it goes on", async () => {
      const id = await start(
        `fs.writeFileSync(ml + "/beat", ""); setInterval(() => fs.appendFileSync(ml + "/beat", "x"), 5); console.log("up")`,
      );
      await untilLogged(shop, id, "up");
      await (candidate.killSupervisor ?? killSupervisor)(id);
      expect(await until(engine, id, inPhase("lost"))).toMatchObject({ reason: expect.stringContaining("supervise") });
      await engine.remove(id);
      const beat = join(shop.mlDirectory(id), "beat");
      const before = (await stat(beat)).size;
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 10));
      expect((await stat(beat)).size).toBe(before);
    });

    test("the log keeps long lines, odd bytes and a last line without an end", async () => {
      const run = await runToEnd(
        `process.stdout.write("a\\rb\\n\\n" + "é".repeat(20_000) + "\\n" + "z".repeat(200_000) + "\\nlast")`,
      );
      expect(run.lines.slice(0, 3)).toEqual(["a\rb", "", "é".repeat(20_000)]);
      expect(run.lines.slice(3, -1).join("")).toBe("z".repeat(200_000));
      expect(run.lines.at(-1)).toBe("last");
    });

    test("a log that reaches its limit loses lines from its middle, says so, and the run goes on", async () => {
      const run = await runToEnd(
        `for (let i = 0; i < 100_000; i++) console.log("line " + String(i).padEnd(90, ".")); fs.writeFileSync(ml + "/done", "")`,
        { maxLogBytes: 2 ** 20 },
      );
      expect(run.exitCode).toBe(0);
      await stat(join(shop.mlDirectory(run.id), "done"));
      const file = shop.logFile(run.id);
      expect((await stat(file)).blocks * 512).toBeLessThan(1.5 * 2 ** 20);
      // Zeros are where lines were.
      const lines = (await readFile(file, "latin1")).replace(/\0+/g, "").trimEnd().split("\n");
      const number = (line: string | undefined) => Number(/^\d+ line (\d+)/.exec(line ?? "")?.[1]);
      const at = lines.findIndex((line) => line.endsWith("limit; lines were dropped here"));
      expect(lines.filter((line) => line.includes("limit"))).toHaveLength(1);
      expect([number(lines[0]), number(lines.at(-1))]).toEqual([0, 99_999]);
      const jumps = lines.flatMap((line, i) => (i > 0 && number(line) !== number(lines[i - 1]) + 1 ? [i] : []));
      expect(jumps).toEqual([at, at + 1]);
      expect(number(lines[at + 1])).toBeGreaterThan(number(lines[at - 1]) + 1);
      const times = lines.map((line) => Number.parseInt(line));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    test("a program that does not exist ends the run and the log says so", async () => {
      const id = newId();
      await engine.start(id, await shop.run(id, ["/opt/nothing/here"]));
      const { exitCode } = await until(engine, id, inPhase("exited"));
      expect(exitCode).not.toBe(0);
      expect((await shop.logLines(id)).join("\n")).toContain("/opt/nothing/here");
    });

    test("an end is noticed at once", async () => {
      const id = await start(`setTimeout(() => {}, 300)`);
      const { endedAt } = await until(engine, id, inPhase("exited"));
      expect(Date.now() - endedAt).toBeLessThan(1000);
    });

    test("a channel can be changed in every way, and the store stays as it was", async () => {
      const texts: Record<string, string> = { "top.csv": "0123456789", empty: "", "a b/ü,:\\'.csv": "odd" };
      for (let n = 0; n < 20; n++) texts[`part=${n % 4}/file-${n}`] = `content of ${n}`;
      const train = await shop.channel("/opt/ml/input/data/train", texts);
      const test = await shop.channel("/opt/ml/input/data/test", { "only.csv": "fixed" });
      const before = await shop.storeHash();
      const run = await runToEnd(
        `${changeEverything}; const writable = ${candidate.writableFiles ?? true}; changeEverything(ml + "/input/data/train"); changeEverything(ml + "/input/data/test")`,
        {
          channels: [train, test],
        },
      );
      expect(run.lines).toEqual(["23 files read", "every change made", "1 files read", "every change made"]);
      expect(run.exitCode).toBe(0);
      expect(await shop.storeHash()).toBe(before);
    });

    test("what a run changes in a channel lies where its caller wants it, and counts as its own", async () => {
      const place = existsSync(memoryFileSystem) ? memoryFileSystem : tmpdir();
      const scratch = await mkdtemp(join(place, "sagebrush-scratch-"));
      if (candidate.owner !== undefined) await chown(scratch, candidate.owner, candidate.owner);
      const train = await shop.channel("/opt/ml/input/data/train", { a: "1" });
      const changes = { channels: [train], scratch: { directory: scratch, must: false } };
      try {
        const run = await runToEnd(`fs.writeFileSync(ml + "/input/data/train/b", Buffer.alloc(2 ** 20, 1))`, changes);
        expect(run.exitCode).toBe(0);
        // Plain processes have their channels in /opt/ml.
        const inMl = await usedBytes([shop.mlDirectory(run.id)]);
        expect(inMl + (await usedBytes([scratch]))).toBeGreaterThanOrEqual(2 ** 20);
        if (!engine.diskUsage) return;
        const used = (await engine.diskUsage(run.id)) ?? Number.NaN;
        expect(inMl + used).toBeGreaterThanOrEqual(2 ** 20);
        expect(inMl + used).toBeLessThan(1.5 * 2 ** 20);
        await engine.remove(run.id);
        expect(await engine.diskUsage(run.id)).toBeUndefined();
      } finally {
        for (const id of await engine.list()) await engine.remove(id);
        await rm(scratch, { recursive: true, force: true });
      }
    });

    test("a channel without files is an empty, writable folder", async () => {
      const run = await runToEnd(
        `const d = ml + "/input/data/none"; console.log(fs.readdirSync(d)); fs.writeFileSync(d + "/x", "")`,
        {
          channels: [await shop.channel("/opt/ml/input/data/none", {})],
        },
      );
      expect(run).toMatchObject({ exitCode: 0, lines: ["[]"] });
    });

    test("files that would lie outside their channel are refused", async () => {
      const [file] = (await shop.channel("/x", { a: "1" })).files;
      for (const path of ["../a", "/a", "a/../../b", "", "a//b", "."]) {
        const id = newId();
        const channel = { target: "/opt/ml/input/data/train", files: [{ ...file!, path }], readOnly: false };
        await expect(engine.start(id, await shop.script(id, "", { channels: [channel] }))).rejects.toThrow(/channel/);
        await engine.remove(id);
      }
    });

    test(
      "a run on the host's tools has them, what is bound for it and a home of its own",
      async () => {
        const id = newId();
        const kit = join(shop.root, "kit", id);
        await shop.write(
          join(kit, "program.sh"),
          'cat "$1" && ls -A "$HOME" && echo x > "$HOME/note" && ls -A "$HOME"',
        );
        await shop.write(join(kit, "text"), "bound\n");
        // Environments may lie anywhere, also where a run has a file system of its own.
        const binds = ["/opt/kit", "/tmp/of a host/kit"].map((target) => ({ source: kit, target }));
        const root = { kind: "host-tools" as const, binds };
        const words = ["/bin/sh", "/opt/kit/program.sh", "/tmp/of a host/kit/text"];
        await engine.start(id, await shop.run(id, words, { root, environment: { PATH: "/usr/bin:/bin" } }));
        const { exitCode } = await until(engine, id, inPhase("exited"));
        expect({ exitCode, lines: await shop.logLines(id) }).toEqual({ exitCode: 0, lines: ["bound", "note"] });
      },
      hasHostTools,
    );
    test("a host directory is shown as it is, and what the run writes there is seen outside", async () => {
      const root = await shop.sharedFolder({ "data/train/rows.csv": "1,2" });
      const mount = { root, path: "data/train", target: "/opt/ml/input/data/train", readOnly: false };
      const { lines, exitCode } = await runToEnd(
        `const at = ml + "/input/data/train/"; console.log(fs.readFileSync(at + "rows.csv", "utf8"));
         fs.writeFileSync(at + "rows.csv", "3,4"); fs.mkdirSync(at + "new"); fs.writeFileSync(at + "new/file", "mine");`,
        { mounts: [mount] },
      );
      expect({ exitCode, lines }).toEqual({ exitCode: 0, lines: ["1,2"] });
      expect(await readFile(join(root, "data/train/rows.csv"), "utf8")).toBe("3,4");
      expect(await readFile(join(root, "data/train/new/file"), "utf8")).toBe("mine");
    });

    test("a read-only host directory cannot be changed where there is isolation", async () => {
      const root = await shop.sharedFolder({ file: "theirs" });
      const mount = { root, path: "", target: "/opt/ml/input/data/train", readOnly: true };
      const { lines } = await runToEnd(
        `const file = ml + "/input/data/train/file"; console.log(fs.readFileSync(file, "utf8"));
         try { fs.appendFileSync(file, "!"); console.log("wrote"); } catch (e) { console.log(e.code); }`,
        { mounts: [mount] },
      );
      expect(lines).toEqual(["theirs", engine.capabilities.isolation ? "EROFS" : "wrote"]);
    });

    test("a link that somebody puts into a host directory's path leads nowhere", async () => {
      if (!engine.capabilities.isolation) return; // such a run can walk where it wants anyway
      const root = await shop.sharedFolder({ "data/file": "inside", "../elsewhere/file": "outside" });
      await symlink(join(root, "../elsewhere"), join(root, "link"));
      const mount = { root, path: "link", target: "/opt/ml/input/data/train", readOnly: true };
      const code = `console.log(fs.readFileSync(ml + "/input/data/train/file", "utf8"));`;
      // The supervisor in TypeScript has answered by then: its run ends instead.
      const outcome = await runToEnd(code, { mounts: [mount] }).catch((error: Error) => error);
      if (!(outcome instanceof Error)) expect(outcome).toMatchObject({ exitCode: 1 });
      expect(JSON.stringify(outcome)).not.toContain("outside");
    });

    test("what a run uses is told while it runs", async () => {
      if (!engine.usage) return;
      const id = await start(
        `const held = Buffer.alloc(64 * 2 ** 20, 1); const end = Date.now() + 400; while (Date.now() < end); console.log("up", held.length); setInterval(() => {}, 1000)`,
      );
      await untilLogged(shop, id, "up");
      const usage = await engine.usage(id);
      // Busy for 0.4 s of the clock, of which a busy machine gives only a part.
      expect(usage?.cpuSeconds).toBeGreaterThan(0.02);
      expect(usage?.cpuSeconds).toBeLessThan(60);
      expect(usage?.memoryBytes).toBeGreaterThan(64 * 2 ** 20);
      expect(usage?.memoryBytes).toBeLessThan(2 ** 31);
      await engine.remove(id);
      expect(await engine.usage(id)).toBeUndefined();
    });

    test("a command starts in its working directory", async () => {
      const run = await runToEnd(`console.log(process.cwd() === fs.realpathSync(ml) + "/code")`, {
        workingDirectory: "/opt/ml/code",
        channels: [await shop.channel("/opt/ml/code", {})],
      });
      expect(run.lines).toEqual(["true"]);
    });

    test("a server answers on its socket, whose host path is short", async () => {
      const id = await start(
        `require("node:http").createServer((q, a) => a.end("pong " + q.url)).listen(process.env.SAGEBRUSH_LISTEN, () => console.log("up"))`,
        { serves: { socket: true } },
      );
      await untilLogged(shop, id, "up");
      const { address } = await until(engine, id, inPhase("running"));
      expect(address).toMatch(/^unix:\//);
      expect(Buffer.byteLength(address)).toBeLessThanOrEqual(105);
      expect(await get(address.slice("unix:".length), "/ping")).toBe("pong /ping");
      await engine.remove(id);
    });
  });
}

async function get(socketPath: string, path: string): Promise<string> {
  const asked = request({ socketPath, path }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return text(answer);
}

/** Runs inside: reads every file, then makes each kind of change that a program can make to a tree. */
const changeEverything = String.raw`
function changeEverything(root) {
  const { join } = require("node:path");
  const files = fs.readdirSync(root, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name)).sort();
  for (const f of files) fs.readFileSync(f);
  console.log(files.length + " files read");
  const kinds = [
    (f) => fs.writeFileSync(f, "overwritten"),
    (f) => fs.appendFileSync(f, "appended"),
    (f) => fs.truncateSync(f, 1),
    (f) => fs.unlinkSync(f),
    (f) => fs.renameSync(f, f + ".renamed"),
    (f) => { fs.writeFileSync(f + ".new", "new"); fs.renameSync(f + ".new", f); },
    (f) => { fs.chmodSync(f, 0o600); fs.utimesSync(f, 1, 1); },
    (f) => { fs.linkSync(f, f + ".link"); fs.writeFileSync(f + ".link", "through a link"); },
    (f) => { const h = fs.openSync(f, "r+"); fs.writeSync(h, "X", 0); fs.fsyncSync(h); fs.closeSync(h); },
    (f) => fs.symlinkSync(f, f + ".symlink"),
  ];
  if (!writable) for (const f of files) fs.chmodSync(f, 0o644);
  files.forEach((f, i) => kinds[i % kinds.length](f));
  fs.mkdirSync(root + "/made");
  fs.writeFileSync(root + "/made/by-the-run", "1");
  for (const e of fs.readdirSync(root, { withFileTypes: true })) fs.rmSync(join(root, e.name), { recursive: true });
  if (fs.readdirSync(root).length !== 0) throw new Error("something stayed");
  console.log("every change made");
}`;
