import { readFile } from "node:fs/promises";
import type { InspectedContainer } from "./container-state.ts";

/** A container that ends leaves Podman this long to note it. */
const notingMillis = 10_000;

/**
 * Notices containers of Podman whose monitor (conmon) was killed: Podman goes on calling them running, without a log and
 * without ever an exit code. Docker's daemon notices the like itself.
 */
export class Monitors {
  /** When a running container's process was first not there. */
  readonly #gone = new Map<string, number>();

  /** Whether the container has a monitor, as far as can be seen. */
  async hasMonitor({ Id, State: { Pid } }: InspectedContainer): Promise<boolean> {
    const groups = await textOf(`/proc/${Pid}/cgroup`);
    if (groups === undefined) {
      const since = this.#gone.get(Id) ?? Date.now();
      this.#gone.set(Id, since);
      if (Date.now() - since < notingMillis) return true;
      this.#gone.delete(Id);
      return false;
    }
    this.#gone.delete(Id);
    // Another process's number: the engine's processes are not those that we see.
    if (!groups.includes(Id)) return true;
    const parent = /^PPid:\s*(\d+)$/m.exec((await textOf(`/proc/${Pid}/status`)) ?? "")?.[1];
    if (parent === undefined) return true;
    return ((await textOf(`/proc/${parent}/comm`)) ?? "conmon").trim() === "conmon";
  }
}

function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined); // the process has ended
}
