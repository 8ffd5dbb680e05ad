import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { fileURLToPath } from "node:url";

/** How the supervisor of a run is started: the native program where set-up built it, a Node program otherwise. */
export interface Supervisor {
  readonly kind: "native" | "node";
  /** Program and the arguments before the plan's path. */
  readonly command: readonly [string, ...string[]];
  /** An executable of it that is sure to run inside a sandbox: what the trial run executes. */
  readonly program: string;
}

/** How a launch ended: the run goes on, another supervisor has it, it goes on preparing, or it could not begin. */
export type Launch = { readonly word: "ok" | "held" | "slow" } | { readonly word: "failed"; readonly why: string };

/** How long a start waits for its supervisor's word: long copies go on without the caller. */
export const launchPatienceMillis = 2000;

const nativePath = fileURLToPath(new URL("../../../.build/native/sagebrush-supervisor", import.meta.url));
const fallbackPath = fileURLToPath(new URL("../fallback/main.ts", import.meta.url));

/** The native supervisor, or undefined where set-up could not build it. */
export function nativeSupervisor(): Supervisor | undefined {
  try {
    accessSync(nativePath, constants.X_OK);
  } catch {
    return undefined;
  }
  return process.platform === "linux" ? { kind: "native", command: [nativePath], program: nativePath } : undefined;
}

/** The supervisor in TypeScript: the same contract at 50 MB a run. */
export function nodeSupervisor(): Supervisor {
  return {
    kind: "node",
    command: [process.execPath, "--disable-warning=ExperimentalWarning", fallbackPath],
    program: process.execPath,
  };
}

/** Starts the supervisor on a plan and waits for its word. It lives on when this process dies. */
export function launch(supervisor: Supervisor, planPath: string): Promise<Launch> {
  const [program, ...first] = supervisor.command;
  const child = spawn(program, [...first, planPath], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
    env: {},
    cwd: "/",
  });
  child.unref();
  return new Promise((resolve) => {
    let said = "";
    const finish = (outcome: Launch) => {
      clearTimeout(timer);
      child.stdout.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => finish({ word: "slow" }), launchPatienceMillis);
    child.on("error", (error) => finish({ word: "failed", why: `${program}: ${error.message}` }));
    child.stdout.on("data", (bytes: Buffer) => {
      said += bytes.toString();
      if (said.includes("\n")) finish(interpret(said));
    });
    child.stdout.on("end", () => finish(interpret(said)));
  });
}

/** What a supervisor's word means; an empty one is none. */
export function interpret(said: string): Launch {
  const line = said.split("\n", 1)[0] ?? "";
  if (line === "ok" || line === "held") return { word: line };
  const why = line.startsWith("failed ") ? line.slice("failed ".length) : "its supervisor ended without a word";
  return { word: "failed", why };
}

/** What this supervisor lacks and what that costs. */
export function supervisorNotices(supervisor: Supervisor): string[] {
  if (supervisor.kind === "native") return [];
  return ["no native supervisor (no C compiler at set-up): every run costs 50 MB more and starts 0.2 s later"];
}
