import type { RecordKey } from "./store.ts";

/** Who wants to hear of writes of which kinds. */
export class Watchers {
  readonly #listeners = new Map<string, Set<(key: RecordKey) => void>>();

  /** @returns Stops listening. */
  add(kinds: readonly string[], listener: (key: RecordKey) => void): () => void {
    // A wrapper of its own, so that the same function may watch twice and stop once.
    const entry = (key: RecordKey) => listener(key);
    for (const kind of kinds) {
      let listeners = this.#listeners.get(kind);
      if (!listeners) this.#listeners.set(kind, (listeners = new Set()));
      listeners.add(entry);
    }
    return () => {
      for (const kind of kinds) this.#listeners.get(kind)?.delete(entry);
    };
  }

  /** Tells each listener of each key, after the caller's own turn: a listener's failure is never the writer's. */
  notify(keys: readonly RecordKey[]): void {
    for (const key of keys) {
      const listeners = this.#listeners.get(key.kind);
      if (!listeners?.size) continue;
      for (const listener of listeners) queueMicrotask(() => listeners.has(listener) && listener(key));
    }
  }
}
