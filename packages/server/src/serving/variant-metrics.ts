import { LatencyHistogram } from "./latency-histogram.ts";

/** What one variant's invocations came to in some stretch of time. */
export interface VariantPeriod {
  readonly invocations: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  /** Requests that were not let in: its instances had as many as they may have. They are no invocations. */
  readonly refused: number;
  /** From the request's way to the model to the end of its answer. */
  readonly model: LatencyHistogram;
  /** What the server itself added, from the request's head to the end of the answer. */
  readonly overhead: LatencyHistogram;
}

/** Where one variant's invocations are counted. Runs on the hot path: adds and does nothing else. */
export class VariantCounter {
  readonly #all: VariantCounter | undefined;
  /** Since the server started. */
  invocations = 0;
  clientErrors = 0;
  serverErrors = 0;
  refused = 0;
  /** Since the last look. */
  #before = none;
  readonly #model = new LatencyHistogram();
  readonly #overhead = new LatencyHistogram();
  /** Since the server started; what is newer than the last look is in the two above. */
  readonly #allModel = new LatencyHistogram();
  readonly #allOverhead = new LatencyHistogram();

  /** @param all - Counts everything as well that this one counts. */
  constructor(all?: VariantCounter) {
    this.#all = all;
  }

  /** @param status - What the model answered; 0 when it gave no whole answer. */
  count(status: number, modelMs: number): void {
    this.#all?.count(status, modelMs);
    this.invocations += 1;
    this.#model.add(modelMs);
    if (status >= 200 && status < 300) return;
    if (status >= 400 && status < 500) this.clientErrors += 1;
    else this.serverErrors += 1;
  }

  /** Notes what the server added to an invocation. */
  overhead(milliseconds: number): void {
    this.#all?.overhead(milliseconds);
    this.#overhead.add(milliseconds);
  }

  /** A request was turned away. */
  refuse(): void {
    this.#all?.refuse();
    this.refused += 1;
  }

  /** Adds what another gateway worker counted, which tells of the counter that counts everything by itself. */
  merge(period: VariantPeriod): void {
    this.invocations += period.invocations;
    this.clientErrors += period.clientErrors;
    this.serverErrors += period.serverErrors;
    this.refused += period.refused;
    this.#model.merge(period.model);
    this.#overhead.merge(period.overhead);
  }

  /** What came since this was called last. */
  take(): VariantPeriod {
    const { invocations, clientErrors, serverErrors, refused } = this;
    const before = this.#before;
    this.#before = { invocations, clientErrors, serverErrors, refused };
    const [model, overhead] = [this.#model.take(), this.#overhead.take()];
    this.#allModel.merge(model);
    this.#allOverhead.merge(overhead);
    return {
      invocations: invocations - before.invocations,
      clientErrors: clientErrors - before.clientErrors,
      serverErrors: serverErrors - before.serverErrors,
      refused: refused - before.refused,
      ...{ model, overhead },
    };
  }

  /** What came since the server started. */
  totals(): VariantPeriod {
    const both = (all: LatencyHistogram, recent: LatencyHistogram): LatencyHistogram => {
      const sum = new LatencyHistogram();
      sum.merge(all);
      sum.merge(recent);
      return sum;
    };
    const { invocations, clientErrors, serverErrors, refused } = this;
    return {
      ...{ invocations, clientErrors, serverErrors, refused },
      model: both(this.#allModel, this.#model),
      overhead: both(this.#allOverhead, this.#overhead),
    };
  }
}

const none = { invocations: 0, clientErrors: 0, serverErrors: 0, refused: 0 };

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

  /** The variant's counter, if it has one: what comes late of a deleted endpoint must not bring it back. */
  find({ account, region, endpoint, variant, config }: Omit<CountedVariant, "counter">): VariantCounter | undefined {
    const key = `${account}/${region}/${endpoint}/${variant}`;
    return this.#counters.get(config === undefined ? key : `${key}/${config}`)?.counter;
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
