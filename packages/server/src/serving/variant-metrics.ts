/** What happened to one invocation, for whoever counts. Times in milliseconds. */
export interface Invocation {
  readonly account: string;
  readonly region: string;
  readonly endpoint: string;
  readonly variant: string;
  /** Status that the model answered with; 0 when it gave no whole answer. */
  readonly modelStatus: number;
  readonly modelMs: number;
  readonly totalMs: number;
}

/** Gets every invocation as it ends. Must be quick and must not throw: it runs on the hot path. */
export interface InvocationObserver {
  observe(invocation: Invocation): void;
}

/** Totals since the server started. */
export interface VariantTotals {
  invocations: number;
  clientErrors: number;
  serverErrors: number;
  modelMs: number;
  totalMs: number;
}

/** Counts per variant, in memory. Entries go with `forget`, so their number is bounded by the endpoints there are. */
export class VariantCounters implements InvocationObserver {
  readonly #totals = new Map<string, VariantTotals>();

  observe(invocation: Invocation): void {
    const { account, region, endpoint, variant } = invocation;
    const key = `${account}/${region}/${endpoint}/${variant}`;
    let totals = this.#totals.get(key);
    if (totals === undefined) {
      totals = { invocations: 0, clientErrors: 0, serverErrors: 0, modelMs: 0, totalMs: 0 };
      this.#totals.set(key, totals);
    }
    totals.invocations += 1;
    if (invocation.modelStatus >= 400 && invocation.modelStatus < 500) totals.clientErrors += 1;
    else if (invocation.modelStatus < 200 || invocation.modelStatus >= 300) totals.serverErrors += 1;
    totals.modelMs += invocation.modelMs;
    totals.totalMs += invocation.totalMs;
  }

  /** Totals of one variant; zeros when it was never invoked. */
  read(scope: { account: string; region: string }, endpoint: string, variant: string): Readonly<VariantTotals> {
    const totals = this.#totals.get(`${scope.account}/${scope.region}/${endpoint}/${variant}`);
    return totals ?? { invocations: 0, clientErrors: 0, serverErrors: 0, modelMs: 0, totalMs: 0 };
  }

  /** Drops an endpoint's counts, once it is deleted. */
  forget(scope: { account: string; region: string }, endpoint: string): void {
    const prefix = `${scope.account}/${scope.region}/${endpoint}/`;
    for (const key of this.#totals.keys()) if (key.startsWith(prefix)) this.#totals.delete(key);
  }
}
