import type { Log } from "../../log.ts";
import type { RunId } from "../engine.ts";
import type { Containers } from "./containers.ts";

/** An init program that is just starting does not hear its first signal. */
const youngMillis = 1000;
const againMillis = 250;
/** How long to wait before a kill that failed is tried again. */
const retryMillis = 2000;
/** A timer cannot be set further ahead. */
const maxTimerMillis = 2 ** 31 - 1;

/** Kills runs whose grace is over. */
export class StopTimers {
  readonly #containers: Containers;
  readonly #log: Log;
  readonly #kills = new Map<RunId, { at: number; timer: NodeJS.Timeout }>();
  readonly #reminders = new Map<RunId, NodeJS.Timeout>();

  constructor(containers: Containers, log: Log) {
    this.#containers = containers;
    this.#log = log;
  }

  /**
   * Kills the run at a time, or at an earlier one that was told before.
   * @param startedAt - When a young run is told to end, it is told once more.
   */
  killAt(id: RunId, at: number, startedAt = 0): void {
    if (Date.now() - startedAt < youngMillis && !this.#reminders.has(id)) {
      this.#reminders.set(id, setTimeout(() => this.#signal(id, "SIGTERM"), againMillis).unref());
    }
    const before = this.#kills.get(id);
    if (before && before.at <= at) return;
    clearTimeout(before?.timer);
    const wait = Math.min(maxTimerMillis, Math.max(0, at - Date.now()));
    this.#kills.set(id, { at, timer: setTimeout(() => this.#signal(id, "SIGKILL"), wait).unref() });
  }

  /** The run has ended or is being removed. */
  forget(id: RunId): void {
    clearTimeout(this.#kills.get(id)?.timer);
    clearTimeout(this.#reminders.get(id));
    this.#kills.delete(id);
    this.#reminders.delete(id);
  }

  close(): void {
    for (const id of [...this.#kills.keys()]) this.forget(id);
  }

  #signal(id: RunId, signal: "SIGTERM" | "SIGKILL"): void {
    this.#containers.kill(id, signal).catch((error: unknown) => {
      this.#log.warn("A run could not be told to end; it is told again", { run: id, signal, error });
      const kill = this.#kills.get(id);
      if (kill) kill.timer = setTimeout(() => this.#signal(id, signal), retryMillis).unref();
    });
  }
}
