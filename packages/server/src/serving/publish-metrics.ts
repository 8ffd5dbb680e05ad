import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Distribution } from "../metrics/distribution.ts";
import type { MetricPoints, MetricStore } from "../metrics/metric-store.ts";
import { partitionOf } from "../scope.ts";
import type { AsyncQueues } from "./asynchronous/async-queues.ts";
import { componentOfLabel } from "./components/component.ts";
import type { CountedValues } from "./counted-values.ts";
import type { ContainerCounters } from "./fronts/container-metrics.ts";
import type { ModelMeters } from "./multi-model/model-metrics.ts";
import type { RoutingTable } from "./routing/routing-table.ts";
import { takeShadowMetrics } from "./shadow/shadow-metrics.ts";
import type { CountedVariant, VariantCounters, VariantPeriod } from "./variant-metrics.ts";

/** Counts reach the metrics this often; requests themselves only add numbers. */
export const publishEveryMs = 10_000;

/** The namespace of what SageMaker counts of invocations. */
const namespace = "AWS/SageMaker";

/** What a publisher works with. */
export interface PublisherOptions {
  readonly counters: VariantCounters;
  readonly routes: RoutingTable;
  /** Counts what containers among several were asked, and the loading of models. */
  readonly fronts?: { readonly counters: Pick<ContainerCounters, "take">; readonly meters: Pick<ModelMeters, "take"> };
  readonly metrics: MetricStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** The same where endpoints may be asynchronous. */
interface AsyncPublisherOptions extends PublisherOptions {
  readonly asynchronous: AsyncQueues;
  readonly values: CountedValues;
}

/** Writes what variants counted since the last time into the metrics, under SageMaker's names and units. */
export async function publishVariantMetrics({
  counters,
  fronts,
  routes,
  metrics,
  clock,
}: PublisherOptions): Promise<void> {
  const at = Math.floor(clock.now() / 1_000);
  const points: MetricPoints[] = [
    ...(fronts?.counters.take(at) ?? []),
    ...(fronts?.meters.take(at) ?? []),
    ...takeShadowMetrics({ shadows: routes.shadows, lookup: (endpoint) => routes.lookup(endpoint) }, at),
  ];
  for (const counted of counters.all()) {
    const period = counted.counter.take();
    const routed = variantRoutes(routes, counted);
    if (period.invocations > 0) points.push(...pointsOf(counted, period, at, placeOf(routed)));
    else if (routed.length === 0) counters.drop(counted);
  }
  if (points.length > 0) await metrics.put(points);
}

/** Writes what asynchronous and serverless endpoints counted, and how much waits now. */
export async function publishAsyncMetrics({
  asynchronous,
  values,
  metrics,
  clock,
}: AsyncPublisherOptions): Promise<void> {
  asynchronous.measure();
  const points = values.take(Math.floor(clock.now() / 1_000));
  if (points.length > 0) await metrics.put(points);
}

/** Publishes now and then. */
export interface Publishing {
  /** Publishes now. All that was counted before is written when this resolves. */
  publish(): Promise<void>;
  /** Stops, after a last time. */
  stop(): Promise<void>;
}

/** Publishes now and then, never twice at once. */
export function startPublishing(options: AsyncPublisherOptions): Publishing {
  let running = Promise.resolve();
  const publish = (): Promise<void> => {
    running = running
      .then(() => publishVariantMetrics(options))
      .then(() => publishAsyncMetrics(options))
      .catch((error: unknown) => options.log.warn("metrics of endpoints were not written", { error }));
    return running;
  };
  const timer = setInterval(() => void publish(), publishEveryMs).unref();
  return {
    publish,
    async stop() {
      clearInterval(timer);
      await publish();
    },
  };
}

function pointsOf(
  { account, region, endpoint, variant, config }: CountedVariant,
  period: VariantPeriod,
  at: number,
  { instances, resolution }: Place,
): MetricPoints[] {
  const { invocations: count, clientErrors, serverErrors } = period;
  const scope = { partition: partitionOf(region), account, region };
  // By name, as the store wants them.
  const dimensions = [
    ...(config === undefined ? [] : [["EndpointConfigName", config] as const]),
    ...dimensionsOf(endpoint, variant),
  ];
  const per = componentOfLabel(endpoint) === undefined ? "InvocationsPerInstance" : "InvocationsPerCopy";
  const point = (name: string, unit: string, values: Distribution): MetricPoints => ({
    ...{ scope, namespace, name, dimensions, unit, at, resolution, values },
  });
  // Every invocation is a value of each of them: 1 or 0, so that an average is a rate.
  const flags = (sum: number): Distribution => ({ count, sum, min: sum === count ? 1 : 0, max: sum > 0 ? 1 : 0 });
  const share = 1 / Math.max(1, instances);
  return [
    point("Invocations", "None", flags(count)),
    point(per, "None", { count, sum: count * share, min: share, max: share }),
    point("Invocation4XXErrors", "None", flags(clientErrors)),
    point("Invocation5XXErrors", "None", flags(serverErrors)),
    point("InvocationModelErrors", "None", flags(clientErrors + serverErrors)),
    point("ModelLatency", "Microseconds", period.model.microseconds()),
    ...(period.overhead.count > 0 ? [point("OverheadLatency", "Microseconds", period.overhead.microseconds())] : []),
  ];
}

/** What a variant's metrics are of; those of an inference component are of it alone. */
export function dimensionsOf(endpoint: string, variant: string): readonly (readonly [string, string])[] {
  const component = componentOfLabel(endpoint);
  if (component !== undefined) return [["InferenceComponentName", component]];
  return [
    ["EndpointName", endpoint],
    ["VariantName", variant],
  ];
}

/** Where requests or their copies go that are counted there: during a deployment, a variant has two such places. */
function variantRoutes(routes: RoutingTable, { account, region, endpoint, variant, config }: CountedVariant) {
  const variants = routes.lookup({ account, region, name: endpoint })?.variants ?? [];
  return variants
    .filter((route) => config === undefined || route.config === config)
    .flatMap((route) => (route.shadow === undefined ? [route] : [route, route.shadow]))
    .filter(({ name }) => name === variant);
}

/** What a variant's points depend on besides its counts. */
interface Place {
  readonly instances: number;
  readonly resolution: MetricPoints["resolution"];
}

function placeOf(routed: ReturnType<typeof variantRoutes>): Place {
  return {
    instances: routed.reduce((sum, { backends }) => sum + backends.length, 0),
    resolution: routed.some(({ metrics }) => metrics.everySeconds < 60) ? 1 : 60,
  };
}
