import { resourceInUse, validationException } from "../../../errors.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import { type RecordKey, type Write, WriteConflict } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import type { SessionTag } from "../../sts/session.ts";
import type { Input, Operation, Output } from "../operation.ts";
import { initialTags, tagsKey } from "../tags/tags-record.ts";
import { applyAlgorithm } from "./apply-algorithm.ts";
import { checkFits, withinQuotas } from "./check-capacity.ts";
import { checkRequest } from "./check-request.ts";
import { asFolder, hasInput } from "./data-source.ts";
import { checkDebugBuckets } from "./debug-outputs.ts";
import { channelMode } from "./input/check-channels.ts";
import {
  type FileSystemDataSource,
  FileSystemFault,
  type FileSystems,
  locateFileSystem,
} from "./input/file-systems.ts";
import { emptyInputMessage } from "./input-data.ts";
import { outputBucket } from "./output-keys.ts";
import { trainingJobs } from "./resource.ts";
import {
  phaseMessage,
  type TrainingJob,
  type TrainingJobSpec,
  type TuningMembership,
  transition,
} from "./training-job.ts";
import { offerFor } from "./warm-pool-records.ts";

/**
 * Records a training job. Nothing starts here: the reconciler drives the record, so the call returns once the write
 * commits.
 * @throws ResourceInUse when the name is taken in this account and region.
 * @throws ResourceLimitExceeded when this machine can never give what is asked for, or the account would pass a quota.
 */
export const createTrainingJob: Operation<"CreateTrainingJob"> = (input, context) => {
  const { sessionTags } = context.principal;
  return recordTrainingJob(input, context, { ...(sessionTags && { sessionTags }) });
};

/**
 * The same, for the platform itself too.
 * @param options.validates - Whether the job is there to validate the algorithm that it names.
 * @param options.sessionTags - Tags of the session that asks for it.
 * @param options.tuning - What it is a trial of.
 * @param options.beside - Written in the same transaction.
 * @throws WriteConflict when one of those writes cannot be.
 */
export async function recordTrainingJob(
  input: Input<"CreateTrainingJob">,
  context: OperationPlace,
  options: {
    readonly validates?: boolean;
    readonly sessionTags?: readonly SessionTag[];
    readonly tuning?: TuningMembership;
    readonly beside?: readonly Write[];
  } = {},
): Promise<Output<"CreateTrainingJob">> {
  const { scope, platform } = context;
  const { Tags, ...request } = input;
  const { spec, hosts } = await checkSpec(request, context, options);
  const arn = trainingJobs.arn(scope, spec.TrainingJobName);
  const key = trainingJobs.key(scope, spec.TrainingJobName);
  // Looked up before the slower checks, so that a repeated request hears of its own first. The write decides.
  if (await platform.store.get(key)) throw nameTaken(arn);
  checkFits(spec, platform.configuration.capacity.mode);
  await checkStorage(spec, context);
  const { discount } = platform.configuration.spot;
  const chained = spec.SessionChainingConfig?.EnableSessionTagChaining ? options.sessionTags : undefined;
  const requested = {
    ...{ spec, hosts, arn },
    ...(options.tuning && { tuning: options.tuning }),
    ...(chained && { sessionTags: chained }),
    ...(spec.EnableManagedSpotTraining && { spotDiscount: discount }),
  };
  const beside = [initialTags(scope, arn, Tags), ...(options.beside ?? [])];
  try {
    await withinQuotas(context, spec, () => createInPool(context, requested, beside));
  } catch (error) {
    if (error instanceof WriteConflict && isOf(error, [key, tagsKey(scope, arn)])) throw nameTaken(arn);
    throw error;
  }
  return { TrainingJobArn: arn };
}

async function checkSpec(
  request: TrainingJobSpec,
  context: OperationPlace,
  options: { readonly validates?: boolean } = {},
): Promise<ReturnType<typeof checkRequest>> {
  return checkRequest(await applyAlgorithm(request, context, options), context);
}

/** Checks a request as `recordTrainingJob` does, and records nothing; quotas are not counted. */
export async function checkTrialRequest(input: Input<"CreateTrainingJob">, context: OperationPlace): Promise<void> {
  const { Tags: _, ...request } = input;
  const { spec } = await checkSpec(request, context);
  checkFits(spec, context.platform.configuration.capacity.mode);
  await checkStorage(spec, context);
}

function isOf({ key }: WriteConflict, keys: readonly RecordKey[]): boolean {
  return keys.some(({ kind, name }) => kind === key.kind && name === key.name);
}

/** How often a job looks for another warm pool when the one it was about to take is gone. */
const poolTries = 5;

/** Records a job, in a warm pool where one is free: both in one transaction, so that no two jobs take the same. */
async function createInPool(
  { scope, platform }: OperationPlace,
  requested: Parameters<typeof newJob>[0],
  beside: readonly Write[],
): Promise<void> {
  const { store, clock } = platform;
  const key = trainingJobs.key(scope, requested.spec.TrainingJobName);
  for (let tries = 1; ; tries++) {
    const now = clock.now();
    const offer = tries > poolTries ? undefined : await offerFor(store, scope, requested, now);
    const job = newJob({ ...requested, ...(offer && { tookPool: offer.taken }) }, now);
    try {
      const created: Write = { op: "create", key, value: job, status: "InProgress" };
      await store.write([created, ...beside, ...(offer?.writes ?? [])]);
      return;
    } catch (error) {
      const poolGone = error instanceof WriteConflict && error.reason !== "exists" && offer !== undefined;
      if (!poolGone) throw error;
    }
  }
}

/** A job that nothing was done for yet. */
export function newJob(
  of: Pick<TrainingJob, "spec" | "hosts" | "arn" | "tuning" | "sessionTags" | "spotDiscount" | "tookPool">,
  now: number,
): TrainingJob {
  const blank: TrainingJob = {
    ...of,
    secondary: "Starting",
    transitions: [],
    attempt: 1,
    ranBeforeMs: 0,
    notices: [],
  };
  return transition(blank, "Starting", phaseMessage.starting, now);
}

function nameTaken(arn: string) {
  return resourceInUse(
    `Training job names must be unique within an AWS account and region, and a training job with this name already exists (${arn})`,
  );
}

/** Input that is not there, and output that could not be written, are told before anything starts. */
async function checkStorage(spec: TrainingJobSpec, { scope, platform }: OperationPlace): Promise<void> {
  for (const channel of spec.InputDataConfig ?? []) {
    const { S3DataSource: source, FileSystemDataSource: fileSystem } = channel.DataSource ?? {};
    if (fileSystem) await checkFileSystem(channel.ChannelName, fileSystem, platform.configuration.fileSystems);
    if (source === undefined) continue;
    const shown = channelMode(channel, spec) === "FastFile" ? asFolder(source) : source;
    if (await hasInput(platform.objects, shown, scope.account)) continue;
    const uri = shown.S3Uri as string;
    const bucket = uri.replace(/^s3:\/\//, "").split("/")[0] as string;
    throw validationException(emptyInputMessage(uri, bucket, scope.region, spec.RoleArn));
  }
  const bucket = outputBucket(spec);
  if (!(await platform.objects.hasBucket(bucket, scope.account))) {
    throw validationException(
      `The bucket ${bucket} of OutputDataConfig.S3OutputPath "${spec.OutputDataConfig.S3OutputPath}" does not exist.`,
    );
  }
  const checkpoints = spec.CheckpointConfig && parseS3Uri(spec.CheckpointConfig.S3Uri)?.bucket;
  if (checkpoints !== undefined && !(await platform.objects.hasBucket(checkpoints, scope.account))) {
    throw validationException(
      `The bucket ${checkpoints} of CheckpointConfig.S3Uri "${spec.CheckpointConfig?.S3Uri}" does not exist.`,
    );
  }
  await checkDebugBuckets(spec, platform.objects, scope.account);
}

async function checkFileSystem(
  channel: string | undefined,
  source: FileSystemDataSource,
  known: FileSystems,
): Promise<void> {
  try {
    await locateFileSystem(source, known);
  } catch (error) {
    if (error instanceof FileSystemFault) throw validationException(`Channel ${channel}: ${error.message}`);
    throw error;
  }
}
