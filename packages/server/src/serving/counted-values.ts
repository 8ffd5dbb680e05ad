import { type Distribution, distributionOf, merge } from "../metrics/distribution.ts";
import type { MetricPoints } from "../metrics/metric-store.ts";
import { partitionOf } from "../scope.ts";
import { componentOfLabel } from "./components/component.ts";

/** Whose metrics they are. */
export interface CountedFor {
  readonly account: string;
  readonly region: string;
  readonly endpoint: string;
  /** `undefined` for those of the endpoint as a whole. */
  readonly variant: string | undefined;
}

/** SageMaker's names and units. The guide spells one with three s; the other spelling is published as well. */
const units = {
  ApproximateAgeOfOldestRequest: "Seconds",
  ApproximateBacklogSize: "Count",
  ApproximateBacklogSizePerInstance: "Count",
  HasBacklogWithoutCapacity: "Count",
  ExpiredRequests: "Count",
  Invocation4XXErrors: "None",
  Invocation5XXErrors: "None",
  InvocationFailures: "Count",
  InvocationModelErrors: "None",
  InvocationsProcessed: "Count",
  InvocationsProcesssed: "Count",
  ModelLatency: "Microseconds",
  ModelSetupTime: "Microseconds",
  NoCapacityInvocationFailures: "Count",
  NotificationFailures: "Count",
  RequestDownloadFailures: "Count",
  RequestDownloadLatency: "Microseconds",
  ResponseUploadFailures: "Count",
  ResponseUploadLatency: "Microseconds",
  ServerlessConcurrentExecutionsUtilization: "None",
  ServerlessProvisionedConcurrencyExecutions: "Count",
  ServerlessProvisionedConcurrencyInvocations: "Count",
  ServerlessProvisionedConcurrencySpilloverInvocations: "Count",
  ServerlessProvisionedConcurrencyUtilization: "None",
  TimeInBacklog: "Milliseconds",
  TotalProcessingTime: "Milliseconds",
} as const;

/** A metric of asynchronous or serverless inference, or of components without copies. */
export type CountedMetric = keyof typeof units;

/** Values that came one by one; put together now and then, so that any number of them takes little room. */
interface Counted {
  readonly whose: CountedFor;
  readonly name: CountedMetric;
  fresh: number[];
  before: Distribution | undefined;
}

const mostFresh = 1_000;

/** What was counted since the last look: one entry for each metric that something came for. */
export class CountedValues {
  readonly #counted = new Map<string, Counted>();

  note(whose: CountedFor, name: CountedMetric, value: number): void {
    const key = `${whose.account}/${whose.region}/${whose.endpoint}/${whose.variant ?? ""}/${name}`;
    let counted = this.#counted.get(key);
    if (counted === undefined) this.#counted.set(key, (counted = { whose, name, fresh: [], before: undefined }));
    counted.fresh.push(value);
    if (counted.fresh.length < mostFresh) return;
    counted.before = together(counted);
    counted.fresh = [];
  }

  /** @param at - Seconds since 1970. */
  take(at: number): MetricPoints[] {
    const points = [...this.#counted.values()].map((counted): MetricPoints => {
      const { account, region } = counted.whose;
      return {
        ...{ scope: { partition: partitionOf(region), account, region }, namespace: "AWS/SageMaker" },
        dimensions: dimensionsOf(counted.whose),
        ...{ name: counted.name, unit: units[counted.name], at, resolution: 60, values: together(counted) },
      };
    });
    this.#counted.clear();
    return points;
  }
}

function dimensionsOf({ endpoint, variant }: CountedFor): MetricPoints["dimensions"] {
  const component = componentOfLabel(endpoint);
  if (component !== undefined) return [["InferenceComponentName", component]];
  return [["EndpointName", endpoint], ...(variant === undefined ? [] : [["VariantName", variant] as const])];
}

function together({ fresh, before }: Counted): Distribution {
  const now = distributionOf(fresh.map((value) => [value, 1] as const));
  if (before === undefined) return now;
  return fresh.length === 0 ? before : merge(before, now);
}
