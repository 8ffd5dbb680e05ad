import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isAlive, type ProcessIdentity, parseIdentity } from "../../../../process-identity.ts";
import { readSmallFile } from "../../../../small-file.ts";
import { type FeederFault, type FeedPlan, feederFiles } from "./feed-plan.ts";

/** How a run's feeder is. */
export type FeederState =
  /** It was never started, or was ended. */
  | { readonly phase: "absent" }
  | { readonly phase: "starting" | "feeding" }
  /** The streams stand still or are cut off: what the run read cannot be trusted. */
  | { readonly phase: "failed"; readonly fault: FeederFault };

const program = fileURLToPath(new URL("main.ts", import.meta.url));
/** Generous for a Node process on a busy host. */
const readyLimitMs = 30_000;
const endLimitMs = 10_000;
const lookMs = 5;

/**
 * Threads of a feeder: each channel may hold one that waits for its reader, and use two more to read and to unpack gzip. With fewer,
 * waiting channels would keep the others from going on.
 */
function threads(plan: FeedPlan): number {
  return 3 * plan.channels.length + 2;
}

/**
 * The feeder of one run, known by its folder alone, so that a restarted server finds it again.
 */
export class Feeder {
  readonly folder: string;

  /** @param folder - Beside the run's /opt/ml, where the run cannot reach. */
  constructor(folder: string) {
    this.folder = folder;
  }

  async observe(): Promise<FeederState> {
    const failed = this.#read(feederFiles.failed);
    if (failed !== undefined) return { phase: "failed", fault: JSON.parse(failed) as FeederFault };
    const identity = this.#identity();
    if (!identity) return { phase: "absent" };
    if (!isAlive(identity)) {
      const message = "The process that feeds the job's Pipe channels ended, so that their data may have been cut off.";
      return { phase: "failed", fault: { by: "platform", message } };
    }
    return { phase: this.#read(feederFiles.ready) === undefined ? "starting" : "feeding" };
  }

  /**
   * Starts feeding unless a feeder is alive already. Resolves when every channel's first FIFO is there. To be called
   * before the run begins: a feeder that died in its start is replaced.
   * @param prepare - Writes the units files into the folder and returns the plan.
   */
  async start(prepare: () => Promise<FeedPlan>): Promise<void> {
    const { phase } = await this.observe();
    if (phase === "absent" || phase === "failed") {
      await this.end();
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      const plan = await prepare();
      await this.#write(feederFiles.plan, JSON.stringify(plan));
      const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, this.folder], {
        detached: true,
        stdio: "ignore",
        env: { PATH: process.env["PATH"], UV_THREADPOOL_SIZE: String(threads(plan)) },
        cwd: "/",
      });
      child.on("error", () => undefined); // no process: seen below as one that never becomes ready
      child.unref();
    }
    await this.#ready();
  }

  /** Ends the feeder and forgets it. Nothing is lost: it has nothing of its own. */
  async end(): Promise<void> {
    const identity = this.#identity();
    if (identity && isAlive(identity)) {
      try {
        process.kill(identity.pid, "SIGKILL");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it ended in between
      }
      if (!(await until(() => !isAlive(identity), endLimitMs))) {
        throw new Error(`The feeder of ${this.folder}, process ${identity.pid}, does not end`);
      }
    }
    if (existsSync(this.folder)) await rm(this.folder, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    const isSettled = async () => ["feeding", "failed"].includes((await this.observe()).phase);
    await until(isSettled, readyLimitMs);
    const seen = await this.observe();
    if (seen.phase === "feeding") return;
    const why = seen.phase === "failed" ? seen.fault.message : "it did not begin";
    throw new Error(`The Pipe channels cannot be fed: ${why}`);
  }

  #identity(): ProcessIdentity | undefined {
    const text = this.#read(feederFiles.pid);
    return text === undefined ? undefined : parseIdentity(text);
  }

  #read(name: string): string | undefined {
    return readSmallFile(join(this.folder, name));
  }

  async #write(name: string, text: string): Promise<void> {
    const path = join(this.folder, name);
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
}

/** Looks again and again, some milliseconds apart: neither process is the other's child. @returns Whether it came true. */
async function until(holds: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
  const late = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > late) return false;
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  return true;
}
