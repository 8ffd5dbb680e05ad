import { layersInUse } from "./engines/supervised/layers-in-use.ts";
import type { FrameworkImages } from "./images/frameworks/framework-images.ts";
import type { Image } from "./images/image.ts";
import type { Images } from "./images/images.ts";
import type { LayerCache } from "./images/layers/layer-cache.ts";
import { UnknownImage } from "./images/resolve-image.ts";
import type { MetricStore } from "./metrics/metric-store.ts";
import type { ObjectStorage } from "./objects/object-storage.ts";
import type { ImageRegistry } from "./registry/image-registry.ts";
import { type Collection, collectGarbage } from "./services/sagemaker/collect-garbage.ts";
import { finalStatuses, type TrainingJob, trainingJobKind } from "./services/sagemaker/training-job/training-job.ts";
import { collectTransformRuns, unfinishedTransformJobs } from "./services/sagemaker/transform-job/collect.ts";
import { servedRecords } from "./serving/components/served-records.ts";
import { containersOf, modelKeysOf } from "./serving/fleet.ts";
import type { Serving } from "./serving/open-serving.ts";
import type { ListQuery, Store } from "./store/store.ts";

/** What one collection removed, by what it was. */
export type Garbage = Readonly<Record<string, number>>;

/** Everything of the platform that grows has its retention here; docs/guide/operations.md lists them. */
export async function collectAll(
  parts: Collection & {
    objects: ObjectStorage;
    serving: Serving;
    registry: ImageRegistry;
    layerCache: LayerCache;
    metrics: MetricStore;
    images: Images;
    frameworks: FrameworkImages;
  },
): Promise<Garbage> {
  const jobs = await collectGarbage(parts);
  const transformRuns = await collectTransformRuns(parts);
  const containers = (await unfinishedTransformJobs(parts.store)).flatMap((job) => job.containers);
  const endpoints = await parts.serving.collect(new Set(containers.flatMap(modelKeysOf)));
  const registry = await parts.registry.collect();
  const layers = await parts.layerCache.collect(await layersInUse(parts.dataDirectory.engine));
  const objects = await parts.objects.sweep();
  const metrics = await parts.metrics.collect(parts.clock.now());
  const environments = await parts.frameworks.collect(await usedImages(parts.store, parts.images));
  return {
    "runs of training jobs": jobs.runs,
    "folders of training jobs": jobs.runFolders,
    "runs of transform jobs": transformRuns,
    "log files": jobs.logs,
    "series of metrics": metrics,
    "runs of endpoints": endpoints.runs,
    "unpacked models": endpoints.models,
    "images of repositories": registry.images,
    "layers of images": registry.blobs,
    "uploads of layers": registry.uploads,
    "unpacked layers": layers,
    "Python environments": environments,
    ...Object.fromEntries(Object.entries(objects).map(([name, count]) => [`objects: ${name}`, Number(count)])),
  };
}

/** The images that unfinished jobs and endpoints stand on. */
async function usedImages(store: Store, images: Images): Promise<Image[]> {
  const uris = new Set<string>();
  await each<TrainingJob>(store, { kind: trainingJobKind, statusNot: finalStatuses }, ({ spec }) => {
    if (spec.AlgorithmSpecification?.TrainingImage) uris.add(spec.AlgorithmSpecification.TrainingImage);
  });
  for await (const { value } of servedRecords(store)) {
    const variants = value.fleets.flatMap((fleet) => fleet.variants).filter(({ hostsComponents }) => !hostsComponents);
    for (const { image } of variants.flatMap(containersOf)) uris.add(image);
  }
  for (const { containers } of await unfinishedTransformJobs(store))
    for (const { image } of containers) uris.add(image);
  const used: Image[] = [];
  // Both meanings of an image that is an algorithm without its user's code: keeping one too many does no harm.
  for (const [uri, hasOwnCode] of [...uris].flatMap((each) => [[each, false] as const, [each, true] as const])) {
    try {
      used.push(images.resolve(uri, hasOwnCode));
    } catch (error) {
      // Accepted by a version that knew it: nothing of it is kept here.
      if (!(error instanceof UnknownImage)) throw error;
    }
  }
  return used;
}

async function each<T>(store: Store, request: Omit<ListQuery, "limit">, visit: (value: T) => void): Promise<void> {
  let token: string | undefined;
  do {
    const page = await store.list<T>({ ...request, limit: 1_000, ...(token !== undefined && { token }) });
    for (const { value } of page.records) visit(value);
    token = page.next;
  } while (token !== undefined);
}
