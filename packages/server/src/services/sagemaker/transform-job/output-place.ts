import { invariant } from "../../../errors.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import type { TransformJobSpec } from "./transform-job.ts";

/** Longest key of an object, in bytes. */
export const maxKeyBytes = 1_024;

/** Bucket and key prefix (with its slash) below which outputs go. */
export function outputPlace({ TransformOutput: output }: Pick<TransformJobSpec, "TransformOutput">): {
  readonly bucket: string;
  readonly prefix: string;
} {
  const at = parseS3Uri(output?.S3OutputPath ?? "");
  invariant(at, "CreateTransformJob refused output paths that are no S3 URIs");
  const base = at.key.replace(/\/+$/, "");
  return { bucket: at.bucket, prefix: base === "" ? "" : `${base}/` };
}
