import type { MetricPoints } from "../../metrics/metric-store.ts";
import { partitionOf } from "../../scope.ts";
import { VariantCounter, type VariantPeriod } from "../variant-metrics.ts";

/** A container of a variant with several. */
interface CountedContainer {
  readonly account: string;
  readonly region: string;
  readonly endpoint: string;
  readonly variant: string;
}

/** Counts what the containers of inference pipelines and multi-container endpoints were asked. */
export class ContainerCounters {
  readonly #counters = new Map<string, CountedContainer & { container: string; counter: VariantCounter }>();

  /** The container's counter, the same for all instances of its variant. */
  of({ account, region, endpoint, variant }: CountedContainer, container: string): VariantCounter {
    const key = `${account}/${region}/${endpoint}/${variant}/${container}`;
    let known = this.#counters.get(key);
    if (known === undefined) {
      known = { account, region, endpoint, variant, container, counter: new VariantCounter() };
      this.#counters.set(key, known);
    }
    return known.counter;
  }

  /** What came since this was called last, as SageMaker publishes it. @param at - Seconds since 1970. */
  take(at: number): MetricPoints[] {
    return [...this.#counters.values()].flatMap(({ account, region, endpoint, variant, container, counter }) => {
      const period = counter.take();
      if (period.invocations === 0) return [];
      const scope = { partition: partitionOf(region), account, region };
      const dimensions = [
        ["ContainerName", container],
        ["EndpointName", endpoint],
        ["VariantName", variant],
      ] as const;
      const base = { scope, namespace: "AWS/SageMaker", dimensions, at, resolution: 60 } as const;
      return points(period).map((point) => ({ ...base, ...point }));
    });
  }

  /** Drops an endpoint's counters, once it is deleted. */
  forget({ account, region }: Pick<CountedContainer, "account" | "region">, endpoint: string): void {
    const prefix = `${account}/${region}/${endpoint}/`;
    for (const key of this.#counters.keys()) if (key.startsWith(prefix)) this.#counters.delete(key);
  }
}

function points(period: VariantPeriod): Pick<MetricPoints, "name" | "unit" | "values">[] {
  const { invocations: count, clientErrors, serverErrors } = period;
  const flags = (sum: number) => ({ count, sum, min: sum === count ? 1 : 0, max: sum > 0 ? 1 : 0 });
  return [
    { name: "Invocations", unit: "None", values: flags(count) },
    { name: "Invocation4XXErrors", unit: "None", values: flags(clientErrors) },
    { name: "Invocation5XXErrors", unit: "None", values: flags(serverErrors) },
    { name: "ContainerLatency", unit: "Microseconds", values: period.model.microseconds() },
  ];
}
