import type { Distribution } from "../../metrics/distribution.ts";
import type { MetricPoints } from "../../metrics/metric-store.ts";
import { partitionOf } from "../../scope.ts";

/** What is measured of loading models, in SageMaker's names. Times are microseconds, ModelCacheHit is 0 or 1. */
export type ModelMeasure =
  | "ModelLoadingWaitTime"
  | "ModelDownloadingTime"
  | "ModelLoadingTime"
  | "ModelUnloadingTime"
  | "ModelCacheHit";

/** The variant of a multi-model endpoint. */
interface MeasuredVariant {
  readonly account: string;
  readonly region: string;
  readonly endpoint: string;
  readonly variant: string;
}

/** Where the models of one variant are measured. */
export class ModelMeter {
  readonly #values = new Map<ModelMeasure, { count: number; sum: number; min: number; max: number }>();
  /** How many models each of its instances has loaded. */
  readonly loaded = new Map<string, number>();

  add(name: ModelMeasure, value: number): void {
    const known = this.#values.get(name);
    if (known === undefined) {
      this.#values.set(name, { count: 1, sum: value, min: value, max: value });
      return;
    }
    known.count += 1;
    known.sum += value;
    if (value < known.min) known.min = value;
    if (value > known.max) known.max = value;
  }

  /** What came since this was called last. */
  take(): [ModelMeasure, Distribution][] {
    const taken = [...this.#values];
    this.#values.clear();
    return taken;
  }
}

/** The meters of all variants of multi-model endpoints. */
export class ModelMeters {
  readonly #meters = new Map<string, MeasuredVariant & { meter: ModelMeter }>();

  /** The variant's meter, the same for all of its instances. */
  of(variant: MeasuredVariant): ModelMeter {
    const { account, region, endpoint, variant: name } = variant;
    const key = `${account}/${region}/${endpoint}/${name}`;
    let known = this.#meters.get(key);
    if (known === undefined) {
      known = { account, region, endpoint, variant: name, meter: new ModelMeter() };
      this.#meters.set(key, known);
    }
    return known.meter;
  }

  /** Points since the last call, as SageMaker publishes them. @param at - Seconds since 1970. */
  take(at: number): MetricPoints[] {
    return [...this.#meters.values()].flatMap(({ account, region, endpoint, variant, meter }) => {
      const dimensions = [
        ["EndpointName", endpoint],
        ["VariantName", variant],
      ] as const;
      const base = {
        scope: { partition: partitionOf(region), account, region },
        dimensions,
        at,
        resolution: 60,
      } as const;
      const points: MetricPoints[] = meter.take().map(([name, values]) => ({
        ...{ ...base, namespace: "AWS/SageMaker", name, values },
        unit: name === "ModelCacheHit" ? "None" : "Microseconds",
      }));
      const counts = [...meter.loaded.values()];
      if (counts.length === 0) return points;
      const sum = counts.reduce((a, b) => a + b, 0);
      const values = { count: counts.length, sum, min: Math.min(...counts), max: Math.max(...counts) };
      const gauge = { ...base, namespace: "/aws/sagemaker/Endpoints", name: "LoadedModelCount", unit: "None", values };
      return [...points, gauge];
    });
  }

  /** Drops an endpoint's meters, once it is deleted. */
  forget({ account, region }: Pick<MeasuredVariant, "account" | "region">, endpoint: string): void {
    const prefix = `${account}/${region}/${endpoint}/`;
    for (const key of this.#meters.keys()) if (key.startsWith(prefix)) this.#meters.delete(key);
  }
}
