import { validationException } from "../../../errors.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import type { OperationContext } from "../../service.ts";
import { checkEnvironment } from "../check-environment.ts";
import { checkKey } from "../check-key.ts";
import { dataProcessing } from "./data-processing.ts";
import { hasInputObjects } from "./input-objects.ts";
import { outputPlace } from "./output-place.ts";
import type { TransformJobSpec } from "./transform-job.ts";

/** Most megabytes that bodies under way at one instance may have together. */
const mostMegabytes = 100;
const mostConcurrent = 100;

/**
 * Checks what the service's model cannot state, and that input and output are there.
 * @throws ValidationException naming the member.
 */
export async function checkRequest(spec: TransformJobSpec, context: OperationContext): Promise<void> {
  checkEnvironment("Environment", spec.Environment);
  checkUris(spec);
  checkSizes(spec);
  dataProcessing(spec);
  checkCapture(spec);
  checkKeys(spec, context);
  await checkStorage(spec, context);
}

function checkUris({
  TransformInput: input,
  TransformOutput: output,
  DataCaptureConfig: capture,
}: TransformJobSpec): void {
  const source = input?.DataSource?.S3DataSource;
  if (source === undefined) throw validationException("TransformInput.DataSource.S3DataSource is required.");
  if (source.S3DataType === "AugmentedManifestFile") {
    throw validationException(
      "TransformInput: S3DataType AugmentedManifestFile is not for transform jobs; expected S3Prefix or ManifestFile.",
    );
  }
  for (const [member, uri] of [
    ["TransformInput.DataSource.S3DataSource.S3Uri", source.S3Uri],
    ["TransformOutput.S3OutputPath", output?.S3OutputPath],
    ["DataCaptureConfig.DestinationS3Uri", capture && (capture.DestinationS3Uri ?? "")],
  ] as const) {
    if (uri === undefined || parseS3Uri(uri)) continue;
    throw validationException(`${member} "${uri}" is not an S3 URI: expected s3://bucket/prefix.`);
  }
}

function checkSizes({ MaxConcurrentTransforms: concurrent = 0, MaxPayloadInMB: megabytes }: TransformJobSpec): void {
  if (concurrent > mostConcurrent) {
    throw validationException(`MaxConcurrentTransforms must be at most ${mostConcurrent}, got ${concurrent}.`);
  }
  if (megabytes === undefined) return;
  if (megabytes > mostMegabytes)
    throw validationException(`MaxPayloadInMB must be at most ${mostMegabytes}, got ${megabytes}.`);
  if (concurrent * megabytes <= mostMegabytes) return;
  throw validationException(
    `MaxConcurrentTransforms * MaxPayloadInMB must be at most ${mostMegabytes} MB, got ${concurrent} * ${megabytes} = ${concurrent * megabytes}.`,
  );
}

/** Inference ids are columns or members beside a record's own. */
function checkCapture({ DataCaptureConfig: capture, DataProcessing: processing }: TransformJobSpec): void {
  if (!capture?.GenerateInferenceId || processing?.JoinSource === "Input") return;
  throw validationException("DataCaptureConfig.GenerateInferenceId needs DataProcessing.JoinSource Input.");
}

function checkKeys(spec: TransformJobSpec, context: OperationContext): void {
  for (const [member, name] of [
    ["TransformOutput.KmsKeyId", spec.TransformOutput?.KmsKeyId],
    ["TransformResources.VolumeKmsKeyId", spec.TransformResources?.VolumeKmsKeyId],
    ["DataCaptureConfig.KmsKeyId", spec.DataCaptureConfig?.KmsKeyId],
  ] as const) {
    checkKey(member, name, context);
  }
}

async function checkStorage(spec: TransformJobSpec, { scope, platform }: OperationContext): Promise<void> {
  const { objects } = platform;
  if (!(await hasInputObjects(objects, spec, scope.account))) {
    const uri = spec.TransformInput?.DataSource?.S3DataSource?.S3Uri;
    throw validationException(
      `No S3 objects found under S3 URL "${uri}" given in input data source. Please ensure that the bucket exists in the selected region (${scope.region}) and that objects exist under that S3 prefix.`,
    );
  }
  const { bucket } = outputPlace(spec);
  if (!(await objects.hasBucket(bucket, scope.account))) {
    throw validationException(
      `The bucket ${bucket} of TransformOutput.S3OutputPath "${spec.TransformOutput?.S3OutputPath}" does not exist.`,
    );
  }
  const captured = parseS3Uri(spec.DataCaptureConfig?.DestinationS3Uri ?? "")?.bucket;
  if (captured !== undefined && !(await objects.hasBucket(captured, scope.account))) {
    throw validationException(`The bucket ${captured} of DataCaptureConfig.DestinationS3Uri does not exist.`);
  }
}
