import type { MetricStore } from "./metrics/metric-store.ts";
import type { ObjectStorage } from "./objects/object-storage.ts";
import type { ImageRegistry } from "./registry/image-registry.ts";
import { type Collection, collectGarbage } from "./services/sagemaker/collect-garbage.ts";
import type { Serving } from "./serving/open-serving.ts";

/** What one collection removed, by what it was. */
export type Garbage = Readonly<Record<string, number>>;

/** Everything of the platform that grows has its retention here; docs/guide/operations.md lists them. */
export async function collectAll(
  parts: Collection & { objects: ObjectStorage; serving: Serving; registry: ImageRegistry; metrics: MetricStore },
): Promise<Garbage> {
  const jobs = await collectGarbage(parts);
  const endpoints = await parts.serving.collect();
  const registry = await parts.registry.collect();
  const objects = await parts.objects.sweep();
  const metrics = await parts.metrics.collect(parts.clock.now());
  return {
    "runs of training jobs": jobs.runs,
    "folders of training jobs": jobs.runFolders,
    "log files": jobs.logs,
    metrics,
    "runs of endpoints": endpoints.runs,
    "unpacked models": endpoints.models,
    "images of repositories": registry.images,
    "layers of images": registry.blobs,
    "uploads of layers": registry.uploads,
    ...Object.fromEntries(Object.entries(objects).map(([name, count]) => [`objects: ${name}`, Number(count)])),
  };
}
