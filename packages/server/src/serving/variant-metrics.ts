/** Totals of one variant since the server started. Times in milliseconds. */
export interface VariantTotals {
  readonly invocations: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  /** Sum over invocations, from the request's way to the model to the end of its answer. */
  readonly modelMs: number;
}

/** What came since the last look. Times in milliseconds. */
export interface VariantPeriod extends VariantTotals {
  readonly leastModelMs: number;
  readonly mostModelMs: number;
}

/** Where one variant's invocations are counted. Runs on the hot path: adds and does nothing else. */
export class VariantCounter implements VariantTotals {
  readonly #all: VariantCounter | undefined;
  invocations = 0;
  clientErrors = 0;
  serverErrors = 0;
  modelMs = 0;
  #leastModelMs = Number.POSITIVE_INFINITY;
  #mostModelMs = 0;
  #before: VariantTotals = none;

  /** @param all - Counts everything as well that this one counts. */
  constructor(all?: VariantCounter) {
    this.#all = all;
  }

  /** @param status - What the model answered; 0 when it gave no whole answer. */
  count(status: number, modelMs: number): void {
    this.#all?.count(status, modelMs);
    this.invocations += 1;
    this.modelMs += modelMs;
    if (modelMs < this.#leastModelMs) this.#leastModelMs = modelMs;
    if (modelMs > this.#mostModelMs) this.#mostModelMs = modelMs;
    if (status >= 200 && status < 300) return;
    if (status >= 400 && status < 500) this.clientErrors += 1;
    else this.serverErrors += 1;
  }

  /** What came since this was called last. */
  take(): VariantPeriod {
    const { invocations, clientErrors, serverErrors, modelMs } = this;
    const before = this.#before;
    const period = {
      invocations: invocations - before.invocations,
      clientErrors: clientErrors - before.clientErrors,
      serverErrors: serverErrors - before.serverErrors,
      modelMs: modelMs - before.modelMs,
      leastModelMs: this.#leastModelMs,
      mostModelMs: this.#mostModelMs,
    };
    this.#before = { invocations, clientErrors, serverErrors, modelMs };
    this.#leastModelMs = Number.POSITIVE_INFINITY;
    this.#mostModelMs = 0;
    return period;
  }
}

const none: VariantTotals = { invocations: 0, clientErrors: 0, serverErrors: 0, modelMs: 0 };

interface Scoped {
  readonly account: string;
  readonly region: string;
}

/** A variant and its counter. */
export interface CountedVariant extends Scoped {
  readonly endpoint: string;
  readonly variant: string;
  /** Only what the variant did under this configuration of the endpoint; all that it did where absent. */
  readonly config?: string;
  readonly counter: VariantCounter;
}

/** A counter for every variant that was ever routed, in memory. Those of deleted endpoints go with `forget`. */
export class VariantCounters {
  readonly #counters = new Map<string, CountedVariant>();

  /** The variant's counter, which stays the same over updates of the endpoint. */
  of({ account, region }: Scoped, endpoint: string, variant: string): VariantCounter {
    const key = `${account}/${region}/${endpoint}/${variant}`;
    let counted = this.#counters.get(key);
    if (counted === undefined) {
      counted = { account, region, endpoint, variant, counter: new VariantCounter() };
      this.#counters.set(key, counted);
    }
    return counted.counter;
  }

  /** Counts what the variant does under one configuration, and lets the variant's own counter count it too. */
  under(config: string, scope: Scoped, endpoint: string, variant: string): VariantCounter {
    const { account, region } = scope;
    const key = `${account}/${region}/${endpoint}/${variant}/${config}`;
    let counted = this.#counters.get(key);
    if (counted === undefined) {
      const counter = new VariantCounter(this.of(scope, endpoint, variant));
      counted = { account, region, endpoint, variant, config, counter };
      this.#counters.set(key, counted);
    }
    return counted.counter;
  }

  /** Drops the counter of a configuration that serves no more. */
  drop({ account, region, endpoint, variant, config }: CountedVariant): void {
    if (config !== undefined) this.#counters.delete(`${account}/${region}/${endpoint}/${variant}/${config}`);
  }

  /** Every variant that is counted. */
  all(): Iterable<CountedVariant> {
    return this.#counters.values();
  }

  /** Drops an endpoint's counters, once it is deleted. */
  forget({ account, region }: Scoped, endpoint: string): void {
    const prefix = `${account}/${region}/${endpoint}/`;
    for (const key of this.#counters.keys()) if (key.startsWith(prefix)) this.#counters.delete(key);
  }
}
