import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import type { RunId } from "../engine.ts";
import type { Containers } from "./containers.ts";

const firstRetryMillis = 500;
const lastRetryMillis = 10_000;

/** Hints that a run may have changed, from the engine's events. What is missed while it is away is seen by the next look. */
export class ContainerEvents {
  readonly #containers: Containers;
  readonly #stopped = new AbortController();
  #hasBegun = false;
  onChange: (id: RunId) => void = () => {};

  constructor(containers: Containers) {
    this.#containers = containers;
  }

  begin(): void {
    if (!this.#hasBegun) void this.#read();
    this.#hasBegun = true;
  }

  close(): void {
    this.#stopped.abort();
  }

  async #read(): Promise<void> {
    const { signal } = this.#stopped;
    for (let retry = firstRetryMillis; !signal.aborted; retry = Math.min(lastRetryMillis, retry * 2)) {
      try {
        const answer = await this.#containers.events(signal);
        for await (const text of createInterface({ input: answer })) {
          this.#tell(text);
          retry = firstRetryMillis;
        }
      } catch {
        // The engine is away, which every other call says: events are hints, so this one only tries again.
      }
      await pause(retry, undefined, { signal, ref: false }).catch(() => undefined); // closed meanwhile
    }
  }

  #tell(text: string): void {
    if (text.trim() === "") return;
    const event = JSON.parse(text) as { readonly Actor?: { readonly Attributes?: Readonly<Record<string, string>> } };
    const id = this.#containers.idOf(event.Actor?.Attributes?.["name"] ?? "");
    if (id !== undefined) this.onChange(id);
  }
}
