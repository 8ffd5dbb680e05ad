/**
 * The supervisor where no C compiler was found: the same plan, the same files, the same words as `native/supervisor.c`,
 * without control groups and overlays. `node main.ts PLAN`; the server starts it detached, so it lives on alone.
 */
import { closeSync, linkSync, openSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodePlan } from "../supervised/plan.ts";
import { bootId, startOf } from "../supervised/process-identity.ts";
import { copyChannels } from "./copy-channels.ts";
import { writeDurably, writeWhole } from "./durable-write.ts";
import { RunLog } from "./run-log.ts";
import { Settings } from "./settings.ts";
import { startPlain, startSandboxed } from "./start.ts";
import { superviseChild } from "./supervise-child.ts";

const setupFailed = 125;

process.on("SIGHUP", () => undefined);
process.stdout.on("error", () => undefined); // the server may have died meanwhile; the run does not need it

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
    const started = settings.has("bwrap")
      ? await startSandboxed(settings, plan.steps, files)
      : await startPlain(settings);
    startedAt = Date.now();
    const { pid } = started.child;
    if (!started.sandboxed && pid !== undefined) writeWhole(join(folder, "child"), identity(pid));
    for (const file of files) closeSync(file);
    writeWhole(join(folder, "started"), `${startedAt} 0 0 ${copied ? "copy" : "none"}\n`);
    say("ok");
    end(await superviseChild({ started, log, stopFile: join(folder, "stop") }), startedAt);
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
