import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isAlive } from "../../process-identity.ts";
import { platformAddress } from "../engine.ts";
import { encodePlan } from "../supervised/plan.ts";
import { readIdentity } from "../supervised/run-folder.ts";
import type { Supervisor } from "../supervised/supervisor.ts";
import { runSupervisor } from "./run-supervisor.ts";

/**
 * The platform's address inside containers: a process for each, in the container's network, that leads to the gateway's
 * Unix socket. It outlives the server and ends with the run.
 */
export class PlatformRelay {
  readonly #supervisor: Supervisor;
  readonly #socket: string;

  constructor(supervisor: Supervisor, socket: string) {
    this.#supervisor = supervisor;
    this.#socket = socket;
  }

  /**
   * Starts the relay of a run, unless it has one.
   * @param folder - The run's own.
   * @param pid - A process of its container.
   * @returns Why there is none, or undefined.
   */
  async start(folder: string, pid: number): Promise<string | undefined> {
    const going = readIdentity(join(folder, "relay"));
    if (going && isAlive(going)) return undefined;
    const plan = encodePlan({
      settings: [
        ["run", folder],
        ["exit", folder],
        ["key", "relay"],
        ["log", folder, "0"],
        ["netns", `/proc/${pid}/ns/net`],
        ["relay", `tcp:${platformAddress}:80`, `unix:${this.#socket}`],
        ["command", ""],
      ],
      steps: [],
    });
    await writeFile(join(folder, "relay-plan"), plan, { mode: 0o600 });
    return await runSupervisor(this.#supervisor, ["relay", join(folder, "relay-plan")]);
  }

  /** Ends the relay of a run; none is no error. */
  async stop(folder: string): Promise<void> {
    const relay = readIdentity(join(folder, "relay"));
    if (relay && isAlive(relay)) process.kill(relay.pid, "SIGKILL");
    await rm(join(folder, "relay"), { force: true });
  }
}

/** The relay where it can be had: it enters networks that root made, by a call that only the native supervisor makes. */
export function platformRelay(supervisor: Supervisor, socket: string | undefined): PlatformRelay | undefined {
  const able = supervisor.kind === "native" && process.geteuid?.() === 0;
  return able && socket !== undefined ? new PlatformRelay(supervisor, socket) : undefined;
}
