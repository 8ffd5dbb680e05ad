import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { SetupStep } from "../supervised/plan.ts";
import { enterNetwork, openPorts } from "./network.ts";
import type { Settings } from "./settings.ts";
import { stageScript } from "./stage-script.ts";

/** A run's first process and, in a sandbox, how to find out the namespace's process 1. */
export interface StartedRun {
  readonly child: ChildProcess;
  readonly sandboxed: boolean;
  /** Process 1 inside, as numbered here; undefined while bubblewrap prepares. */
  inner: number | undefined;
  /** Called when it becomes known. */
  onInner?: (pid: number) => void;
}

/** From util-linux, like mount and setpriv: on every distribution. */
const unshare = "unshare";

/** One pipe for both streams keeps their lines in order; Node cannot share one, a shell can. */
const merged = 'exec "$0" "$@" 2>&1';

/** Starts a plain process. */
export async function startPlain(settings: Settings): Promise<StartedRun> {
  const env: Record<string, string> = {};
  for (const pair of settings.all("env")) {
    const at = pair.indexOf("=");
    env[pair.slice(0, at)] = pair.slice(at + 1);
  }
  const child = spawn("/bin/sh", ["-c", merged, ...settings.all("command")], {
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
    env,
    cwd: settings.one("cwd"),
  });
  await once(child, "spawn");
  return { child, sandboxed: false, inner: undefined };
}

/** Starts bubblewrap in a mount namespace where a script of mounts has prepared the root. */
export async function startSandboxed(
  settings: Settings,
  steps: readonly SetupStep[],
  files: readonly number[],
): Promise<StartedRun> {
  const stage = join(settings.one("run"), "stage");
  mkdirSync(stage, { recursive: true });
  const uid = settings.number("uid");
  const namespaces = uid === undefined ? ["--user", "--map-root-user", "--mount"] : ["--mount"];
  const drop =
    uid === undefined ? [] : ["setpriv", "--reuid", String(uid), "--regid", String(uid), "--clear-groups", "--"];
  const bubblewrap = [settings.one("bwrap"), "--args", "3", "--seccomp", "4", "--info-fd", "5", "--"];
  const enter = enterNetwork(settings);
  const prepare = [...(enter.length > 0 ? [openPorts] : []), stageScript(stage, steps, uid)].join("\n");
  const script = [...enter, unshare, ...namespaces, "--propagation", "slave", "/bin/sh", "-c", prepare, "sh"];
  const [program = "", ...words] = script.concat(drop, bubblewrap, settings.all("command"));
  const child = spawn(program, words, {
    stdio: ["ignore", "pipe", "ignore", ...files, "pipe"],
    detached: true,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    cwd: "/",
  });
  await once(child, "spawn");
  const run: StartedRun = { child, sandboxed: true, inner: undefined };
  let said = "";
  // The types know five streams; ours is the sixth.
  const info = (child.stdio as unknown as (NodeJS.ReadableStream | null)[])[5];
  info?.on("data", (bytes: Buffer) => {
    said += bytes.toString();
    const found = /"child-pid":\s*(\d+)\D/.exec(said);
    if (found === null || run.inner !== undefined) return;
    run.inner = Number(found[1]);
    run.onInner?.(run.inner);
  });
  return run;
}
