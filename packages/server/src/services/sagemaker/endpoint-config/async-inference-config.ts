import { validationException } from "../../../errors.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import { type AsyncSettings, defaultConcurrency, type Folder } from "../../../serving/asynchronous/async-settings.ts";
import type { OperationPlace } from "../../service.ts";
import { checkKey } from "../check-key.ts";
import type { EndpointConfigValue } from "./endpoint-config-record.ts";

type Spec = EndpointConfigValue["spec"];
type AsyncInferenceConfig = NonNullable<Spec["AsyncInferenceConfig"]>;

/**
 * Checks how an endpoint is to answer later.
 * @throws ValidationException naming the member.
 */
export async function checkAsyncInference(spec: Spec, context: OperationPlace): Promise<void> {
  const { AsyncInferenceConfig: config } = spec;
  if (config === undefined) return;
  const excluded = [
    ["DataCaptureConfig", spec.DataCaptureConfig !== undefined && spec.DataCaptureConfig.EnableCapture !== false],
    ["ShadowProductionVariants", (spec.ShadowProductionVariants ?? []).length > 0],
    ["ServerlessConfig", spec.ProductionVariants.some(({ ServerlessConfig }) => ServerlessConfig !== undefined)],
  ] as const;
  for (const [member, isGiven] of excluded) {
    if (isGiven) throw validationException(`AsyncInferenceConfig and ${member} exclude each other.`);
  }
  const { S3OutputPath, S3FailurePath, KmsKeyId } = config.OutputConfig;
  if (!S3OutputPath) {
    throw validationException("AsyncInferenceConfig.OutputConfig.S3OutputPath must be given: answers need a place.");
  }
  await checkFolder("S3OutputPath", S3OutputPath, context);
  if (S3FailurePath) await checkFolder("S3FailurePath", S3FailurePath, context);
  checkKey("AsyncInferenceConfig.OutputConfig.KmsKeyId", KmsKeyId, context);
}

/** The same as a fleet has it. */
export function asyncSettingsOf(config: AsyncInferenceConfig | undefined): AsyncSettings | undefined {
  const { OutputConfig: to, ClientConfig: client } = config ?? {};
  const output = folderOf(to?.S3OutputPath);
  if (to === undefined || output === undefined) return undefined;
  const failure = folderOf(to.S3FailurePath);
  const { SuccessTopic, ErrorTopic, IncludeInferenceResponseIn = [] } = to.NotificationConfig ?? {};
  return {
    output,
    ...(failure !== undefined && { failure }),
    ...(to.KmsKeyId && { encryption: { algorithm: "aws:kms", keyId: to.KmsKeyId } }),
    ...(SuccessTopic && { successTopic: SuccessTopic }),
    ...(ErrorTopic && { errorTopic: ErrorTopic }),
    includesAnswer: {
      success: IncludeInferenceResponseIn.includes("SUCCESS_NOTIFICATION_TOPIC"),
      error: IncludeInferenceResponseIn.includes("ERROR_NOTIFICATION_TOPIC"),
    },
    concurrency: client?.MaxConcurrentInvocationsPerInstance ?? defaultConcurrency,
    given: config,
  };
}

async function checkFolder(member: string, uri: string, { scope, platform }: OperationPlace): Promise<void> {
  const folder = parseS3Uri(uri);
  if (folder !== undefined && (await platform.objects.hasBucket(folder.bucket, scope.account))) return;
  throw validationException(
    `AsyncInferenceConfig.OutputConfig.${member}: ${uri} is not an S3 address in a bucket of this account.`,
  );
}

function folderOf(uri: string | undefined): Folder | undefined {
  const place = parseS3Uri(uri ?? "");
  return place && { bucket: place.bucket, prefix: place.key.replace(/\/+$/u, "") };
}
