import type { StoredRecord } from "../store/store.ts";

/** What a reconciler wants next: nothing until the record changes, or another look after a delay. */
export type Outcome = { readonly again: false } | { readonly again: true; readonly afterMs: number };

export const done: Outcome = { again: false };

/** Look again after `afterMs` at the latest; a change of the record or its runs wakes the key earlier. */
export function again(afterMs: number): Outcome {
  return { again: true, afterMs };
}

/**
 * Moves one record a single step towards what it asks for. It is given the record as it is now, never the event that
 * woke it; every step may be repeated. A thrown error is retried with backoff; `TerminalError` is not retried.
 */
export type Reconcile<Value> = (record: StoredRecord<Value>) => Promise<Outcome>;

/** What retrying cannot mend. The loop logs it and waits for the record to change. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}

/** One kind of record and what drives it. */
export interface Controller<Value = never> {
  readonly kind: string;
  readonly reconcile: Reconcile<Value>;
  /** Statuses that need no work: records in them are not looked at after a restart. */
  readonly finalStatuses: readonly string[];
  /** At most this many keys of the kind at once. */
  readonly concurrency: number;
}

/** The work queue and its loop: one key is never worked on twice at once; `wake` is a hint, rescans are the truth. */
export interface ReconcileLoop {
  start(): Promise<void>;
  wake(key: { account: string; region: string; kind: string; name: string }): void;
  /** Waits for steps under way, then stops. Records stay where they are. */
  stop(): Promise<void>;
}
