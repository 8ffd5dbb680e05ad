import { invariant } from "../../../errors.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import type { TrainingJobSpec } from "./training-job.ts";

/** Bucket and key prefix (with its slash) below which everything a job writes goes: `<path>/<job>/output/`. */
function outputPlace(spec: TrainingJobSpec): { readonly bucket: string; readonly prefix: string } {
  const at = parseS3Uri(spec.OutputDataConfig.S3OutputPath);
  invariant(at, "CreateTrainingJob refused output paths that are no S3 URIs");
  const base = at.key.replace(/\/+$/, "");
  return { bucket: at.bucket, prefix: `${base === "" ? "" : `${base}/`}${spec.TrainingJobName}/output/` };
}

/** Whether S3 has room in a key, 1,024 bytes, for everything that is promised to be there. */
export function outputKeysFit(spec: TrainingJobSpec): boolean {
  const { model, data } = artifactPlaces(spec);
  return [model, data].every(({ archiveKey }) => Buffer.byteLength(archiveKey) <= 1024);
}

/** The bucket that artifacts go to. */
export function outputBucket(spec: TrainingJobSpec): string {
  return outputPlace(spec).bucket;
}

/** One of the two folders whose content outlives a job. */
export interface ArtifactPlace {
  /** Below /opt/ml. */
  readonly segments: readonly string[];
  /** Key of the archive with CompressionType GZIP. */
  readonly archiveKey: string;
  /** Prefix of the single files with CompressionType NONE. */
  readonly filesPrefix: string;
}

/** Where the model and the other output of a job go. */
export function artifactPlaces(spec: TrainingJobSpec): { readonly model: ArtifactPlace; readonly data: ArtifactPlace } {
  const { prefix } = outputPlace(spec);
  return {
    model: { segments: ["model"], archiveKey: `${prefix}model.tar.gz`, filesPrefix: `${prefix}model/` },
    data: { segments: ["output", "data"], archiveKey: `${prefix}output.tar.gz`, filesPrefix: `${prefix}data/` },
  };
}

/** ModelArtifacts.S3ModelArtifacts: known from the start. */
export function modelUri(spec: TrainingJobSpec): string {
  const { model } = artifactPlaces(spec);
  const key = spec.OutputDataConfig.CompressionType === "NONE" ? model.filesPrefix : model.archiveKey;
  return `s3://${outputBucket(spec)}/${key}`;
}
