import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import { systemTimers, type Timers } from "../../reconcile/timers.ts";
import type { Store } from "../../store/store.ts";
import type { CountedValues } from "../counted-values.ts";
import type { HoldQueue } from "../hold/hold-queue.ts";
import { holdKey, type Waker } from "../hold/wait-for-instance.ts";
import { throttled, validationError } from "../invoke/model-errors.ts";
import type { Backend } from "../routing/backend.ts";
import type { EndpointName, EndpointRoute, RoutingTable, VariantRoute } from "../routing/routing-table.ts";
import { scaleTo } from "./scale-to.ts";
import { maxServerlessBytes, mostEnvironments, type ServerlessSettings } from "./serverless-settings.ts";
import { UseWindow } from "./use-window.ts";

/** An environment is ended after it has had no use for this long, unless the server was told another time. */
export const defaultIdleMs = 300_000;
/** Before the next attempt after the store or the disk has failed. */
const troubleMs = 1_000;

/** What serverless variants are run with. */
export interface ServerlessOptions {
  readonly store: Store;
  readonly routes: RoutingTable;
  readonly held: HoldQueue;
  readonly counted: CountedValues;
  readonly clock: Clock;
  readonly log: Log;
  readonly host: { readonly cpus: number; readonly memoryBytes: number };
  readonly idleMs?: number;
  readonly timers?: Timers;
}

/** One request's place among those that may be under way. */
export interface Place {
  /** An environment for it alone; `undefined` while all are busy. */
  take(variant: VariantRoute): Backend | undefined;
  /** It is over, however it ended. */
  leave(): void;
}

/** One endpoint. */
interface Served {
  readonly name: EndpointName;
  readonly use: UseWindow;
  /** Environments with a request in them. */
  readonly taken: Set<Backend>;
  cancel: () => void;
  isScaling: boolean;
}

/**
 * Serverless variants: an environment is an instance that takes one request at a time. Requests bring environments up, as many as
 * there are requests as far as the host goes; environments without use are ended. Counts are the endpoint's record, as those of
 * any variant are, so that the reconciler starts, replaces and ends them, also after a restart.
 */
export class Serverless implements Waker {
  readonly #options: ServerlessOptions;
  readonly #timers: Timers;
  readonly #idleMs: number;
  readonly #served = new Map<string, Served>();
  /** Environments that have answered before: the first request of one has waited for its start. */
  readonly #warm = new WeakSet<Backend>();
  readonly #running = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: ServerlessOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#idleMs = options.idleMs ?? defaultIdleMs;
    options.routes.onChange((endpoint) => this.#changed(endpoint));
  }

  /** Looks after the endpoints that were there before a restart. */
  open(): void {
    for (const route of this.#options.routes.serverless()) this.#changed(route);
  }

  /**
   * Lets a request in.
   * @throws ServiceError ThrottlingException when as many are under way as may be, ValidationError for one that is too large.
   */
  enter(name: EndpointName, route: EndpointRoute, bytes: number): Place {
    const variant = servedBy(route) as VariantRoute;
    const settings = variant.serverless as ServerlessSettings;
    if (bytes > maxServerlessBytes) {
      throw validationError(`The body has ${bytes} bytes; serverless endpoints take at most ${maxServerlessBytes}.`);
    }
    const served = this.#serve(name, variant);
    if (served.use.inFlight >= settings.maxConcurrency) {
      throw throttled(
        `Endpoint ${route.name} has ${settings.maxConcurrency} requests under way, which is its MaxConcurrency. Try again later.`,
      );
    }
    served.use.begin();
    this.#note(served, variant, settings);
    this.#fit(served);
    return this.#place(served, variant);
  }

  /** Of `Waker`: environments come for every variant that was not stopped. */
  async wakeable(endpoint: EndpointName, variants: readonly string[]): Promise<readonly string[]> {
    const variant = servedBy(this.#options.routes.lookup(endpoint));
    return variant?.serverless === undefined || variant.serverless.isStopped ? [] : variants;
  }

  /** Of `Waker`. */
  wake(endpoint: EndpointName): void {
    const served = this.#served.get(holdKey(endpoint, undefined));
    if (served !== undefined) this.#fit(served);
  }

  /** Ends no environment: they are there for the next server. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { cancel } of this.#served.values()) cancel();
    await Promise.all(this.#running);
  }

  #place(served: Served, entered: VariantRoute): Place {
    const enteredAt = performance.now();
    let mine: Backend | undefined;
    let hasWaited = false;
    return {
      take: (variant) => {
        const free = variant.backends.filter((backend) => !served.taken.has(backend));
        // The oldest that is well: the newest are the first to go.
        mine = free.find(({ suspect }) => !suspect) ?? free[0];
        if (mine === undefined) {
          hasWaited = true;
          return undefined;
        }
        served.taken.add(mine);
        if (hasWaited && !this.#warm.has(mine)) {
          this.#count(served, entered, "ModelSetupTime", (performance.now() - enteredAt) * 1_000);
        }
        this.#warm.add(mine);
        return mine;
      },
      leave: () => {
        if (mine !== undefined) served.taken.delete(mine);
        served.use.end(this.#options.clock.now());
        this.#options.held.retry(holdKey(served.name, undefined));
        this.#options.held.retry(holdKey(served.name, entered.name));
        this.#fit(served);
      },
    };
  }

  #note(served: Served, variant: VariantRoute, { maxConcurrency, provisioned }: ServerlessSettings): void {
    const { inFlight } = served.use;
    this.#count(served, variant, "ServerlessConcurrentExecutionsUtilization", inFlight / maxConcurrency);
    if (provisioned === 0) return;
    const within = Math.min(inFlight, provisioned);
    this.#count(served, variant, "ServerlessProvisionedConcurrencyExecutions", within);
    this.#count(served, variant, "ServerlessProvisionedConcurrencyUtilization", within / provisioned);
    const isWithin = inFlight <= provisioned;
    this.#count(served, variant, "ServerlessProvisionedConcurrencyInvocations", isWithin ? 1 : 0);
    this.#count(served, variant, "ServerlessProvisionedConcurrencySpilloverInvocations", isWithin ? 0 : 1);
  }

  #count(served: Served, { name: variant }: VariantRoute, metric: Parameters<CountedValues["note"]>[1], value: number) {
    const { account, region, name: endpoint } = served.name;
    this.#options.counted.note({ account, region, endpoint, variant }, metric, value);
  }

  #changed(endpoint: EndpointName): void {
    const variant = servedBy(this.#options.routes.lookup(endpoint));
    const key = holdKey(endpoint, undefined);
    if (variant !== undefined) {
      this.#fit(this.#serve(endpoint, variant));
      return;
    }
    this.#served.get(key)?.cancel();
    this.#served.delete(key);
  }

  #serve({ account, region, name }: EndpointName, variant: VariantRoute): Served {
    const key = holdKey({ account, region, name }, undefined);
    let served = this.#served.get(key);
    if (served === undefined) {
      const use = new UseWindow(this.#idleMs);
      use.keep(variant.desiredInstanceCount, this.#options.clock.now());
      served = { name: { account, region, name }, use, taken: new Set(), cancel: () => {}, isScaling: false };
      this.#served.set(key, served);
    }
    return served;
  }

  /** Asks for as many environments as there is use for, and looks again when there may be use for less. */
  #fit(served: Served): void {
    if (this.#isClosed || served.isScaling) return;
    const { routes, clock, host } = this.#options;
    const variant = servedBy(routes.lookup(served.name));
    if (variant?.serverless === undefined) return;
    const { serverless } = variant;
    const now = clock.now();
    const used = Math.min(mostEnvironments(serverless, host), served.use.wanted(now));
    const wanted = serverless.isStopped ? 0 : Math.max(serverless.provisioned, used);
    served.cancel();
    const next = served.use.nextChange(now);
    if (next !== undefined) served.cancel = this.#timers.after(next - now, () => this.#fit(served));
    if (wanted !== variant.desiredInstanceCount) this.#scale(served, variant.name, wanted);
  }

  #scale(served: Served, variant: string, wanted: number): void {
    const { store, routes, log } = this.#options;
    served.isScaling = true;
    const running: Promise<void> = scaleTo(store, served.name, variant, wanted)
      .then(async () => {
        // Requests that come now must see the count that holds.
        await routes.refresh(served.name);
        served.isScaling = false;
        this.#fit(served);
      })
      .catch((error: unknown) => {
        log.error("a serverless variant could not be scaled", { endpoint: served.name.name, wanted, error });
        served.isScaling = false;
        if (!this.#isClosed) served.cancel = this.#timers.after(troubleMs, () => this.#fit(served));
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}

/** The variant of a serverless endpoint: it has one, in each of its fleets. */
export function servedBy(route: EndpointRoute | undefined): VariantRoute | undefined {
  return route?.variants.find(({ serverless }) => serverless !== undefined);
}
