/**
 * The supervisor where no C compiler was found: the same plan, the same files, the same words as `native/supervisor.c`,
 * without control groups and overlays. `node main.ts PLAN`; the server starts it detached, so it lives on alone.
 */
import { EventEmitter } from "node:events";
import { closeSync, linkSync, openSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootId, startOf } from "../../process-identity.ts";
import { decodePlan } from "../supervised/plan.ts";
import { copyChannels } from "./copy-channels.ts";
import { writeDurably, writeWhole } from "./durable-write.ts";
import { startRelays } from "./network.ts";
import { RunLog } from "./run-log.ts";
import { Settings } from "./settings.ts";
import { startPlain, startSandboxed } from "./start.ts";
import { superviseChild } from "./supervise-child.ts";

const setupFailed = 125;

closeInherited();

const stops = new EventEmitter();
let asked = false;
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  // From the first moment: whoever reads our process id may send one.
  process.on(signal, () => {
    asked = true;
    stops.emit("stop");
  });
}
process.on("SIGHUP", () => undefined);
process.stdout.on("error", () => undefined); // the server may have died meanwhile; the run does not need it

/**
 * Whatever starts the server may leave files open in it, and a run must not inherit them. Node's own descriptors are
 * closed by exec anyway; these are not.
 */
function closeInherited(): void {
  if (process.platform !== "linux") return; // no sandbox elsewhere that this could weaken
  const closeOnExec = 0o2000000;
  for (const name of readdirSync("/proc/self/fd")) {
    const descriptor = Number(name);
    if (descriptor < 3) continue;
    try {
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, "utf8"))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0) closeSync(descriptor);
    } catch {
      // The descriptor of the listing itself is closed by now.
    }
  }
}

/** Makes this process the run's one supervisor: only one link to the `pid` file can be made. */
function takeOver(folder: string): boolean {
  const mine = join(folder, `pid.${process.pid}`);
  writeFileSync(mine, identity(process.pid), { mode: 0o600 });
  try {
    linkSync(mine, join(folder, "pid"));
    return true;
  } catch {
    return false;
  } finally {
    unlinkSync(mine);
  }
}

function identity(pid: number): string {
  return `${pid} ${startOf(pid)} ${bootId()}\n`;
}

/** Descriptors of the files that bubblewrap reads; opened before the staged root covers their paths. */
function openForBubblewrap(settings: Settings): number[] {
  return [settings.one("args"), settings.one("seccomp")].map((path) => openSync(path, "r"));
}

async function supervise(planPath: string): Promise<void> {
  const plan = decodePlan(readFileSync(planPath));
  const settings = new Settings(plan.settings);
  const folder = settings.one("run");
  if (!takeOver(folder)) return say("held");
  const [logFile = "", maxBytes = "0"] = settings.all("log");
  const log = new RunLog(logFile, Number(maxBytes));
  let startedAt = Date.now();
  const end = (code: number, from: number) => {
    log.close();
    writeDurably(settings.one("exit"), `${code} ${from} ${Date.now()} \n`);
  };
  try {
    const copied = await copyChannels(plan.steps, settings.number("uid"), settings.has("bwrap"));
    const files = settings.has("bwrap") ? openForBubblewrap(settings) : [];
    await startRelays(settings);
    const started = settings.has("bwrap")
      ? await startSandboxed(settings, plan.steps, files)
      : await startPlain(settings);
    startedAt = Date.now();
    const { pid } = started.child;
    if (pid !== undefined) writeWhole(join(folder, "child"), identity(pid));
    for (const file of files) closeSync(file);
    writeWhole(join(folder, "started"), `${startedAt} 0 0 ${copied ? "copy" : "none"}\n`);
    started.onInner = (inner) => writeWhole(join(folder, "inner"), identity(inner));
    if (started.inner !== undefined) started.onInner(started.inner);
    say("ok");
    const ended = superviseChild({ started, log, stops, stopFile: join(folder, "stop") });
    if (asked) stops.emit("stop");
    end(await ended, startedAt);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.line(`sagebrush: the run could not be started: ${why}`);
    end(setupFailed, startedAt);
    say(`failed ${why.replaceAll("\n", " ")}`);
  }
}

function say(word: string): void {
  process.stdout.write(`${word}\n`);
}

await supervise(process.argv[2] ?? "");
