import { LatencyHistogram } from "../latency-histogram.ts";
import type { MeasuredVariant } from "../routing/measured-variant.ts";
import type { RoutedVariant, RoutingTable } from "../routing/routing-table.ts";
import type { InstanceSample } from "../utilization/utilization-monitor.ts";
import type { VariantCounters, VariantPeriod } from "../variant-metrics.ts";
import type { Family, Series } from "./exposition.ts";

/**
 * Variants that have series of their own, and instances; what is beyond is told as one, so that no number of endpoints
 * makes the answer grow without end.
 */
export const mostVariants = 500;
export const mostInstances = 1_000;

/** Upper bounds of the histograms' buckets, in milliseconds: powers of two of 1/64, where the counts are exact. */
const boundsMs = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 512, 2_048, 8_192, 32_768, 131_072];

/** What is told of serving. */
export interface ServingMetrics {
  readonly counters: VariantCounters;
  readonly routes: RoutingTable;
  readonly sample: (runId: string) => InstanceSample | undefined;
}

interface Counted {
  readonly labels: Record<string, string>;
  readonly totals: VariantPeriod;
}

/** Counters, latencies and gauges of endpoints. */
export function servingFamilies(metrics: ServingMetrics): Family[] {
  return [...counted(metrics), ...gauges(metrics)];
}

function counted({ counters }: ServingMetrics): Family[] {
  // What a configuration has of its own is in the variant's counts as well.
  const whole = [...counters.all()].filter(({ config }) => config === undefined);
  const all = whole.map(({ account, region, endpoint, variant, counter }) => ({
    ...{ labels: { account, region, endpoint, variant }, totals: counter.totals() },
  }));
  all.sort((a, b) => b.totals.invocations - a.totals.invocations);
  const told = all.length > mostVariants ? [...all.slice(0, mostVariants), othersOf(all.slice(mostVariants))] : all;
  const outcome = (name: string, of: (totals: VariantPeriod) => number): Series[] =>
    told.map(({ labels, totals }) => ({ labels: { ...labels, outcome: name }, value: of(totals) }));
  return [
    {
      ...{ name: "sagebrush_endpoint_requests_total", type: "counter" },
      help: "Requests to variants of endpoints by what came of them; refused ones found every instance full.",
      series: [
        ...outcome(
          "success",
          ({ invocations, clientErrors, serverErrors }) => invocations - clientErrors - serverErrors,
        ),
        ...outcome("client_error", ({ clientErrors }) => clientErrors),
        ...outcome("server_error", ({ serverErrors }) => serverErrors),
        ...outcome("refused", ({ refused }) => refused),
      ],
    },
    histogram("model", "From the request's way to the model to the end of its answer.", told, ({ model }) => model),
    histogram("overhead", "What the server itself added to an invocation.", told, ({ overhead }) => overhead),
  ];
}

function othersOf(rest: readonly Counted[]): Counted {
  const [model, overhead] = [new LatencyHistogram(), new LatencyHistogram()];
  const sum = { invocations: 0, clientErrors: 0, serverErrors: 0, refused: 0 };
  for (const { totals } of rest) {
    for (const name of ["invocations", "clientErrors", "serverErrors", "refused"] as const) sum[name] += totals[name];
    model.merge(totals.model);
    overhead.merge(totals.overhead);
  }
  return {
    labels: { account: "", region: "", endpoint: "(others)", variant: "" },
    totals: { ...sum, model, overhead },
  };
}

function histogram(
  what: string,
  help: string,
  counted: readonly Counted[],
  of: (totals: VariantPeriod) => LatencyHistogram,
): Family {
  const series = counted.flatMap(({ labels, totals }): Series[] => {
    const latencies = of(totals);
    return [
      ...boundsMs.map((bound) => ({
        ...{
          labels: { ...labels, le: String(bound / 1_000) },
          value: latencies.upTo(bound),
          suffix: "_bucket" as const,
        },
      })),
      { labels: { ...labels, le: "+Inf" }, value: latencies.count, suffix: "_bucket" },
      { labels, value: latencies.sumMs / 1_000, suffix: "_sum" },
      { labels, value: latencies.count, suffix: "_count" },
    ];
  });
  return { name: `sagebrush_endpoint_${what}_latency_seconds`, type: "histogram", help, series };
}

function gauges({ routes, sample }: ServingMetrics): Family[] {
  const variants = [...routes.variants()].slice(0, mostVariants);
  const each = (of: (variant: MeasuredVariant) => number): Series[] =>
    variants.map((routed) => ({ labels: labelsOf(routed), value: of(routed.variant) }));
  const instances = variants
    .flatMap((routed) => routed.variant.backends.map(({ runId }) => ({ routed, runId, seen: sample(runId) })))
    .slice(0, mostInstances);
  const ofInstances = (of: (seen: InstanceSample) => number): Series[] =>
    instances.flatMap(({ routed, runId, seen }) =>
      seen === undefined ? [] : [{ labels: { ...labelsOf(routed), instance: runId }, value: of(seen) }],
    );
  const gauge = (name: string, help: string, series: readonly Series[]): Family => ({
    ...{ name: `sagebrush_endpoint_${name}`, type: "gauge", help, series },
  });
  return [
    gauge(
      "instances",
      "Instances that take requests.",
      each(({ backends }) => backends.length),
    ),
    gauge(
      "requests_under_way",
      "Requests that instances have not answered yet.",
      each(({ backends }) => backends.reduce((sum, { outstanding }) => sum + outstanding, 0)),
    ),
    gauge(
      "instance_cpu_cores",
      "Cores that an instance keeps busy.",
      ofInstances(({ cpuPercent }) => cpuPercent / 100),
    ),
    gauge(
      "instance_memory_ratio",
      "Memory of an instance, of what its type has.",
      ofInstances(({ memoryPercent }) => memoryPercent / 100),
    ),
    gauge(
      "instance_gpu_ratio",
      "How busy an instance's GPUs are, on average.",
      ofInstances(({ gpus }) => gpus.reduce((sum, { percent }) => sum + percent, 0) / Math.max(1, gpus.length) / 100),
    ),
  ];
}

/** During a deployment two fleets may have a variant of one name, so its fleet is part of the labels. */
function labelsOf({ account, region, endpoint, variant }: RoutedVariant): Record<string, string> {
  return { account, region, endpoint, variant: variant.name, fleet: String(variant.fleet) };
}
