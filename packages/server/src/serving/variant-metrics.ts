/** Totals of one variant since the server started. Times in milliseconds. */
export interface VariantTotals {
  readonly invocations: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  /** Sum over invocations, from the request's way to the model to the end of its answer. */
  readonly modelMs: number;
}

/** Where one variant's invocations are counted. Runs on the hot path: adds and does nothing else. */
export class VariantCounter implements VariantTotals {
  invocations = 0;
  clientErrors = 0;
  serverErrors = 0;
  modelMs = 0;

  /** @param status - What the model answered; 0 when it gave no whole answer. */
  count(status: number, modelMs: number): void {
    this.invocations += 1;
    this.modelMs += modelMs;
    if (status >= 200 && status < 300) return;
    if (status >= 400 && status < 500) this.clientErrors += 1;
    else this.serverErrors += 1;
  }
}

interface Scoped {
  readonly account: string;
  readonly region: string;
}

/** A counter for every variant that was ever routed, in memory. Those of deleted endpoints go with `forget`. */
export class VariantCounters {
  readonly #counters = new Map<string, VariantCounter>();

  /** The variant's counter, which stays the same over updates of the endpoint. */
  of({ account, region }: Scoped, endpoint: string, variant: string): VariantCounter {
    const key = `${account}/${region}/${endpoint}/${variant}`;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = new VariantCounter();
      this.#counters.set(key, counter);
    }
    return counter;
  }

  /** Drops an endpoint's counters, once it is deleted. */
  forget({ account, region }: Scoped, endpoint: string): void {
    const prefix = `${account}/${region}/${endpoint}/`;
    for (const key of this.#counters.keys()) if (key.startsWith(prefix)) this.#counters.delete(key);
  }
}
