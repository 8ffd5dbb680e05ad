import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { Distribution } from "../../metrics/distribution.ts";
import type { MetricPoints, MetricStore } from "../../metrics/metric-store.ts";
import { partitionOf } from "../../scope.ts";
import type { RecordKey, Store } from "../../store/store.ts";
import { componentOfLabel } from "../components/component.ts";
import type { HoldQueue } from "../hold/hold-queue.ts";
import { dimensionsOf } from "../publish-metrics.ts";
import type { RoutingTable, VariantRoute } from "../routing/routing-table.ts";
import { type ScalableDimension, type ScalableTargetValue, variantOfResource } from "./scalable-target.ts";
import { heldFor } from "./waker.ts";

/** How often requests under way are looked at. */
const sampleMs = 1_000;

/** What the load of scaled variants is read from and written to. */
export interface LoadOptions {
  readonly store: Store;
  readonly routes: RoutingTable;
  readonly held: HoldQueue;
  readonly metrics: MetricStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** One scaled variant, and what was seen of it since the last publication. */
interface Watched {
  readonly account: string;
  readonly region: string;
  readonly resourceId: string;
  readonly dimension: ScalableDimension;
  readonly endpoint: string;
  readonly variant: string | undefined;
  /** Requests per instance; of provisioned concurrency, how much of it they take. */
  concurrency: Distribution | undefined;
  invocations: number;
}

/**
 * The metrics that only scaling needs, of the variants that are scaled and no others: how many requests are under way per
 * instance, and that there were none, which scaling in goes by (a metric without data never scales in).
 */
export class VariantLoads {
  readonly #options: LoadOptions;
  readonly #watched = new Map<string, Watched>();
  #unwatch: () => void = () => {};

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** Finds what is scaled and follows changes from then on. */
  async open(): Promise<void> {
    const { store, log } = this.#options;
    this.#unwatch = store.watch(["scalable-target"], (key) => {
      this.#refresh(key).catch((error: unknown) => log.warn("load of a variant is not measured", { error }));
    });
    let token: string | undefined;
    do {
      const page = await store.list<ScalableTargetValue>({
        ...{ kind: "scalable-target", limit: 1_000 },
        ...(token !== undefined && { token }),
      });
      for (const record of page.records) this.#watch(record, record.value);
      token = page.next;
    } while (token !== undefined);
  }

  /** Looks at what is under way. */
  sample(): void {
    const heldOf = heldFor(this.#options.held);
    for (const watched of this.#watched.values()) {
      const { resourceId } = watched;
      const routes = this.#routesOf(watched);
      const backends = routes.flatMap(({ backends: each }) => each);
      const outstanding = backends.reduce((sum, backend) => sum + backend.outstanding, 0);
      const underWay = outstanding + heldOf(watched, resourceId);
      const { provisioned = 0 } = routes[0]?.serverless ?? {};
      // Those that wait are on its first instance's account.
      const value =
        watched.dimension === "sagemaker:variant:DesiredProvisionedConcurrency"
          ? Math.min(underWay, provisioned) / Math.max(1, provisioned)
          : underWay / Math.max(1, backends.length);
      const { count, sum, min, max } = watched.concurrency ?? { count: 0, sum: 0, min: value, max: value };
      watched.concurrency = {
        ...{ count: count + 1, sum: sum + value },
        ...{ min: Math.min(min, value), max: Math.max(max, value) },
      };
    }
  }

  /** Writes what was seen since the last time. */
  async publish(): Promise<void> {
    const at = Math.floor(this.#options.clock.now() / 1_000);
    const points = [...this.#watched.values()].flatMap((watched) => this.#pointsOf(watched, at));
    if (points.length > 0) await this.#options.metrics.put(points);
  }

  close(): void {
    this.#unwatch();
  }

  #pointsOf(watched: Watched, at: number): MetricPoints[] {
    const { account, region, endpoint, variant, concurrency } = watched;
    const [perModel, perInstance] =
      componentOfLabel(endpoint) === undefined
        ? ["ConcurrentRequestsPerModel", "InvocationsPerInstance"]
        : ["ConcurrentRequestsPerCopy", "InvocationsPerCopy"];
    const point = (name: string, unit: string, resolution: 1 | 60, values: Distribution): MetricPoints => ({
      ...{ scope: { partition: partitionOf(region), account, region }, namespace: "AWS/SageMaker", name, unit, at },
      dimensions: dimensionsOf(endpoint, variant ?? ""),
      ...{ resolution, values },
    });
    const points: MetricPoints[] = [];
    if (watched.dimension === "sagemaker:variant:DesiredProvisionedConcurrency") {
      watched.concurrency = undefined;
      return concurrency === undefined
        ? []
        : [point("ServerlessProvisionedConcurrencyUtilization", "None", 60, concurrency)];
    }
    if (concurrency !== undefined) points.push(point(perModel, "Count", 1, concurrency));
    watched.concurrency = undefined;
    const invocations = this.#invocations(watched);
    // A variant that serves tells of its requests itself.
    if (invocations === watched.invocations) {
      points.push(point(perInstance, "None", 60, { count: 1, sum: 0, min: 0, max: 0 }));
    }
    watched.invocations = invocations;
    return points;
  }

  async #refresh(key: RecordKey): Promise<void> {
    const record = await this.#options.store.get<ScalableTargetValue>(key);
    if (record === undefined) this.#watched.delete(idOf(key));
    else this.#watch(key, record.value);
  }

  #watch(key: RecordKey, { resourceId, dimension }: ScalableTargetValue): void {
    const { account, region } = key;
    if (this.#watched.has(idOf(key))) return;
    // A component's resource is named as its route is, and it has one variant.
    const { endpoint, variant } = variantOfResource(resourceId) ?? { endpoint: resourceId, variant: undefined };
    const watched = {
      ...{ account, region, resourceId, dimension, endpoint, variant, concurrency: undefined, invocations: 0 },
    };
    this.#watched.set(idOf(key), { ...watched, invocations: this.#invocations(watched) });
  }

  #routesOf({ account, region, endpoint, variant }: Watched): readonly VariantRoute[] {
    const variants = this.#options.routes.lookup({ account, region, name: endpoint })?.variants ?? [];
    return variants.filter(({ name }) => variant === undefined || name === variant);
  }

  /** So far; of two fleets during a deployment, both count in one counter. */
  #invocations(watched: Watched): number {
    return this.#routesOf(watched)[0]?.counter.invocations ?? watched.invocations;
  }
}

/** Samples and publishes now and then. @returns Stops. */
export async function startMeasuringLoad(options: LoadOptions, publishEveryMs: number): Promise<() => Promise<void>> {
  const loads = new VariantLoads(options);
  await loads.open();
  let running = Promise.resolve();
  const sampler = setInterval(() => loads.sample(), sampleMs).unref();
  const publisher = setInterval(() => {
    running = running
      .then(() => loads.publish())
      .catch((error: unknown) => options.log.warn("the load of scaled variants was not written", { error }));
  }, publishEveryMs).unref();
  return async () => {
    clearInterval(sampler);
    clearInterval(publisher);
    loads.close();
    await running;
  };
}

function idOf({ account, region, name }: RecordKey): string {
  return `${account}/${region}/${name}`;
}
