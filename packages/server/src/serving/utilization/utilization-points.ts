import type { GpuUse } from "../../gpus/gpus.ts";
import { distributionOf } from "../../metrics/distribution.ts";
import type { MetricPoints } from "../../metrics/metric-store.ts";
import { partitionOf } from "../../scope.ts";
import { instanceIdOf } from "../instance-id.ts";
import { dimensionsOf } from "../publish-metrics.ts";
import type { RoutedVariant } from "../routing/routing-table.ts";
import type { InstanceSample } from "./utilization-monitor.ts";

/** The namespace of what SageMaker measures of endpoints' instances. */
const namespace = "/aws/sagemaker/Endpoints";

/**
 * One look at a variant's instances as SageMaker's metrics: a value of each instance under the variant's dimensions, and with
 * enhanced metrics under the instance's own too. CPUUtilization is 100 for each busy core, GPUUtilization and
 * GPUMemoryUtilization 100 for each GPU; the normalised twins are 100 at most.
 */
export function pointsOf(
  { account, region, endpoint, variant }: RoutedVariant,
  sampleOf: (runId: string) => InstanceSample | undefined,
): MetricPoints[] {
  const scope = { partition: partitionOf(region), account, region };
  const ofVariant = dimensionsOf(endpoint, variant.name);
  const { isEnhanced, everySeconds } = variant.metrics;
  const looks = variant.backends.flatMap(({ runId }) => {
    const sample = sampleOf(runId);
    return sample === undefined ? [] : [{ runId, sample }];
  });
  const [first] = looks;
  if (first === undefined) return [];
  // Points of high resolution are kept by the second.
  const at = Math.floor(first.sample.at / 1_000);
  const resolution = everySeconds < 60 ? 1 : 60;
  const points: MetricPoints[] = [];
  for (const [name, of] of gauges(first.sample.gpus.length > 0)) {
    const point = (dimensions: MetricPoints["dimensions"], values: readonly number[]): MetricPoints => ({
      ...{ scope, namespace, name, dimensions, unit: "Percent", at, resolution },
      values: distributionOf(values.map((value) => [value, 1])),
    });
    points.push(
      point(
        ofVariant,
        looks.map(({ sample }) => of(sample)),
      ),
    );
    if (!isEnhanced) continue;
    for (const { runId, sample } of looks) {
      points.push(point([...ofVariant, ["InstanceId", instanceIdOf(runId)]], [of(sample)]));
    }
  }
  return points;
}

type Gauge = readonly [name: string, of: (sample: InstanceSample) => number];

const always: readonly Gauge[] = [
  ["CPUUtilization", ({ cpuPercent }) => cpuPercent],
  ["CPUUtilizationNormalized", ({ cpuPercent, cpus }) => Math.min(100, cpuPercent / cpus)],
  ["MemoryUtilization", ({ memoryPercent }) => memoryPercent],
  ["DiskUtilization", ({ diskPercent }) => diskPercent],
];
const ofGpus: readonly Gauge[] = [
  ["GPUUtilization", ({ gpus }) => sum(gpus, "percent")],
  ["GPUUtilizationNormalized", ({ gpus }) => sum(gpus, "percent") / Math.max(1, gpus.length)],
  ["GPUMemoryUtilization", ({ gpus }) => sum(gpus, "memoryPercent")],
  ["GPUMemoryUtilizationNormalized", ({ gpus }) => sum(gpus, "memoryPercent") / Math.max(1, gpus.length)],
];

function gauges(hasGpus: boolean): readonly Gauge[] {
  return hasGpus ? [...always, ...ofGpus] : always;
}

function sum(gpus: readonly GpuUse[], of: keyof GpuUse): number {
  return gpus.reduce((total, use) => total + use[of], 0);
}
