import type { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import type { RunLog } from "./run-log.ts";
import type { StartedRun } from "./start.ts";

const defaultGraceMillis = 10_000;
const drainMillis = 2000;

/**
 * Follows a run to its end: output into the log, a stop on to the run's first process as SIGTERM, SIGKILL to
 * everything when the grace is over.
 * @returns The exit code, 128 + n for signal n.
 */
export function superviseChild(run: {
  started: StartedRun;
  log: RunLog;
  /** Emits `stop` when the server asks for the end. */
  stops: EventEmitter;
  stopFile: string;
}): Promise<number> {
  const { started, log, stops, stopFile } = run;
  const output = started.child.stdout;
  let deadline = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let killed = false;
  output?.on("data", (bytes: Buffer) => log.take(bytes));

  const killAll = () => {
    killed = true;
    if (started.inner !== undefined) send(started.inner, "SIGKILL");
    else send(-(started.child.pid ?? 0), "SIGKILL");
  };
  const stop = () => {
    const first = deadline === Number.POSITIVE_INFINITY;
    deadline = Math.min(deadline, Date.now() + graceMillis(stopFile));
    if (first) terminate(started, () => Date.now() < deadline);
    clearTimeout(timer);
    timer = setTimeout(killAll, Math.max(0, deadline - Date.now()));
  };
  stops.on("stop", stop);

  return new Promise((resolve) => {
    const finish = (code: number) => {
      clearTimeout(timer);
      resolve(killed ? 128 + constants.signals.SIGKILL : code);
    };
    let code = 0;
    started.child.on("exit", (exitCode, signal) => {
      code = exitCode ?? 128 + constants.signals[signal ?? "SIGKILL"];
      // What it left behind in its group holds the output open; a sandbox ends whole by itself.
      if (!started.sandboxed) send(-(started.child.pid ?? 0), "SIGKILL");
      setTimeout(() => output?.destroy(), drainMillis).unref();
    });
    started.child.on("close", () => finish(code));
  });
}

function graceMillis(stopFile: string): number {
  try {
    return Number(readFileSync(stopFile, "utf8"));
  } catch {
    return defaultGraceMillis; // the signal came from somebody else than the server
  }
}

/** bubblewrap does not pass SIGTERM on, and its first process may not be there yet. */
function terminate(started: StartedRun, mayTry: () => boolean): void {
  if (!started.sandboxed) {
    send(started.child.pid ?? 0, "SIGTERM");
    return;
  }
  const first = started.inner === undefined ? undefined : firstChild(started.inner);
  if (first !== undefined) send(first, "SIGTERM");
  else if (mayTry() && started.child.exitCode === null) setTimeout(() => terminate(started, mayTry), 5);
}

function firstChild(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? undefined : Number(text.split(" ")[0]);
  } catch {
    return undefined; // it ended in between
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  if (pid === 0) return;
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it ended by itself.
  }
}
