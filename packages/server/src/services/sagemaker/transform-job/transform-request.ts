import type { TransformRequest } from "../../../batch/transform-settings.ts";
import { dataProcessing } from "./data-processing.ts";
import type { TransformJob, TransformJobSpec } from "./transform-job.ts";

/** ModelClientConfig's defaults. */
const defaultTimeoutSeconds = 600;
const defaultRetries = 3;
/** With filters and joins every record is taken into memory, so that there is no body without a limit. */
const processedPayloadInMB = 100;

/** What a job asks of the data plane. */
export function transformRequest({ spec, startedAt }: Pick<TransformJob, "spec" | "startedAt">): TransformRequest {
  const { TransformInput: input, TransformOutput: output, ModelClientConfig: client } = spec;
  const processing = dataProcessing(spec, startedAt === undefined ? undefined : new Date(startedAt).toISOString());
  return {
    splitType: input?.SplitType ?? "None",
    assembleWith: output?.AssembleWith ?? "None",
    isGzip: input?.CompressionType === "Gzip",
    contentType: input?.ContentType || undefined,
    accept: output?.Accept || undefined,
    client: {
      timeoutMs: (client?.InvocationsTimeoutInSeconds ?? defaultTimeoutSeconds) * 1_000,
      maxRetries: client?.InvocationsMaxRetries ?? defaultRetries,
    },
    processing,
    wanted: {
      ...wantedPayload(spec, processing.readsRecords),
      ...(spec.BatchStrategy && { batchStrategy: spec.BatchStrategy }),
      // 0 leaves it to the container, like no value.
      ...(spec.MaxConcurrentTransforms && { maxConcurrentTransforms: spec.MaxConcurrentTransforms }),
    },
  };
}

function wantedPayload({ MaxPayloadInMB: megabytes }: TransformJobSpec, readsRecords: boolean) {
  if (megabytes === undefined) return {};
  return { maxPayloadInMB: megabytes === 0 && readsRecords ? processedPayloadInMB : megabytes };
}

/** What the model's containers are told of the job, under the job's own variables and over the model's. */
export function jobVariables(spec: TransformJobSpec, arn: string): Record<string, string> {
  const { MaxPayloadInMB, BatchStrategy, MaxConcurrentTransforms } = spec;
  const strategies = { MultiRecord: "MULTI_RECORD", SingleRecord: "SINGLE_RECORD" } as const;
  return {
    SAGEMAKER_BATCH: "true",
    TRANSFORM_JOB_ARN: arn,
    ...(MaxPayloadInMB !== undefined && { SAGEMAKER_MAX_PAYLOAD_IN_MB: String(MaxPayloadInMB) }),
    ...(BatchStrategy && { SAGEMAKER_BATCH_STRATEGY: strategies[BatchStrategy] }),
    ...(MaxConcurrentTransforms && { SAGEMAKER_MAX_CONCURRENT_TRANSFORMS: String(MaxConcurrentTransforms) }),
    ...spec.Environment,
  };
}
