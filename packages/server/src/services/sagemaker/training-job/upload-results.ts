import { appendFile } from "node:fs/promises";
import { ServiceError } from "../../../errors.ts";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import type { SkippedEntry } from "../artifacts/safe-tree.ts";
import { type ArtifactUpload, uploadArchive, uploadFiles } from "../artifacts/upload-artifacts.ts";
import type { RunPlaces } from "./layout.ts";
import { finalMetrics } from "./metrics.ts";
import { type ArtifactPlace, artifactPlaces, outputBucket } from "./output-keys.ts";
import type { FinalMetric, TrainingJob } from "./training-job.ts";

/** What an ended run left: its metrics, and why its artifacts could not be stored, if so. */
export interface Results {
  readonly metrics: FinalMetric[];
  readonly fault?: string;
}

/** Brings the model and other output to S3 and reads the metrics off the log. Repeating it overwrites its objects. */
export async function uploadResults(objects: ObjectCatalogue, job: TrainingJob, places: RunPlaces): Promise<Results> {
  const definitions = (job.spec.AlgorithmSpecification?.MetricDefinitions ?? []).map(({ Name, Regex }) => ({
    name: Name,
    regex: Regex,
  }));
  const metrics = await finalMetrics(places.logFile, definitions);
  const skipped: SkippedEntry[] = [];
  const upload: Omit<ArtifactUpload, "segments"> = {
    objects,
    mlDirectory: places.mlDirectory,
    bucket: outputBucket(job.spec),
    onSkip: (entry) => skipped.push(entry),
  };
  const { model, data } = artifactPlaces(job.spec);
  try {
    // A job that completed has a model archive even when it wrote none: its address was promised from the start.
    await uploadOne(upload, model, job, job.verdict?.status === "Completed");
    await uploadOne(upload, data, job, false);
  } catch (error) {
    // The bucket may have been deleted while the job ran: that is the owner's to mend, not ours to retry.
    if (error instanceof ServiceError && error.status < 500) return { metrics, fault: error.message };
    throw error;
  }
  if (skipped.length > 0) await appendFile(places.logFile, skippedNotice(skipped));
  return { metrics };
}

async function uploadOne(
  upload: Omit<ArtifactUpload, "segments">,
  place: ArtifactPlace,
  job: TrainingJob,
  keepEmpty: boolean,
): Promise<void> {
  const from = { ...upload, segments: place.segments };
  if (job.spec.OutputDataConfig.CompressionType === "NONE") await uploadFiles(from, place.filesPrefix);
  else await uploadArchive(from, place.archiveKey, keepEmpty);
}

/** Links and special files are never uploaded: a link could point at anything of the host's. */
function skippedNotice(skipped: readonly SkippedEntry[]): string {
  const shown = skipped.slice(0, 10).map(({ path, why }) => `${path || "the folder itself"} (${why})`);
  const more = skipped.length > shown.length ? ` and ${skipped.length - shown.length} more` : "";
  return `${Date.now()} [sagebrush] Not uploaded: ${shown.join(", ")}${more}.\n`;
}
