import { validationException } from "../../../errors.ts";
import { type ObjectCatalogue, parseS3Uri } from "../../../objects/object-catalogue.ts";
import { isProfilingInterval, profilingIntervals } from "./monitoring/profile.ts";
import type { TrainingJobSpec } from "./training-job.ts";

/** A folder of the container that is brought to S3 while the job runs. */
export interface DebugOutput {
  /** Below /opt/ml. */
  readonly path: string;
  readonly s3Uri: string;
}

/** Where TensorBoard's and the debugger's files are, and where they go. */
export function debugOutputs({ TrainingJobName: job, ...spec }: TrainingJobSpec): DebugOutput[] {
  const { TensorBoardOutputConfig: board, DebugHookConfig: hook } = spec;
  const below = (uri: string, name: string): string => `${uri.replace(/\/+$/, "")}/${job}/${name}/`;
  return [
    ...(board
      ? [{ path: board.LocalPath ?? defaults.tensorBoard, s3Uri: below(board.S3OutputPath, "tensorboard-output") }]
      : []),
    ...(hook ? [{ path: hook.LocalPath ?? defaults.tensors, s3Uri: below(hook.S3OutputPath, "debug-output") }] : []),
  ];
}

const defaults = { tensorBoard: "/opt/ml/output/tensorboard", tensors: "/opt/ml/output/tensors" };

/** The files of /opt/ml/input/config that tell the debugger's library and TensorBoard where to write. */
export function debugConfigFiles({ DebugHookConfig, TensorBoardOutputConfig, ProfilerConfig }: TrainingJobSpec) {
  return {
    ...(DebugHookConfig && { "debughookconfig.json": { LocalPath: defaults.tensors, ...DebugHookConfig } }),
    ...(TensorBoardOutputConfig && {
      "tensorboardoutputconfig.json": { LocalPath: defaults.tensorBoard, ...TensorBoardOutputConfig },
    }),
    ...(ProfilerConfig && { "profilerconfig.json": ProfilerConfig }),
  };
}

/** @throws ValidationException with the member's name. */
export function checkDebugOutputs(spec: TrainingJobSpec): void {
  for (const [member, uri] of [
    ["TensorBoardOutputConfig.S3OutputPath", spec.TensorBoardOutputConfig?.S3OutputPath],
    ["DebugHookConfig.S3OutputPath", spec.DebugHookConfig?.S3OutputPath],
    ["ProfilerConfig.S3OutputPath", spec.ProfilerConfig?.S3OutputPath],
  ] as const) {
    if (uri === undefined || parseS3Uri(uri)) continue;
    throw validationException(`${member} "${uri}" is not an S3 URI: expected s3://bucket/prefix.`);
  }
  for (const [member, path] of [
    ["TensorBoardOutputConfig.LocalPath", spec.TensorBoardOutputConfig?.LocalPath],
    ["DebugHookConfig.LocalPath", spec.DebugHookConfig?.LocalPath],
  ] as const) {
    if (path === undefined || isFolderOfItsOwn(path)) continue;
    throw validationException(`${member} "${path}" must be a folder below /opt/ml that nothing else uses.`);
  }
  checkProfilerConfig(spec.ProfilerConfig);
}

/**
 * Looks whether the buckets are there, and the caller's own.
 * @throws ValidationException with the member's name.
 */
export async function checkDebugBuckets(
  { TensorBoardOutputConfig, DebugHookConfig, ProfilerConfig }: TrainingJobSpec,
  objects: ObjectCatalogue,
  account: string,
): Promise<void> {
  for (const [member, config] of Object.entries({ TensorBoardOutputConfig, DebugHookConfig, ProfilerConfig })) {
    const bucket = config?.S3OutputPath === undefined ? undefined : parseS3Uri(config.S3OutputPath)?.bucket;
    if (bucket === undefined || (await objects.hasBucket(bucket, account))) continue;
    throw validationException(
      `The bucket ${bucket} of ${member}.S3OutputPath "${config?.S3OutputPath}" does not exist.`,
    );
  }
}

/** @throws ValidationException for an interval that SageMaker does not have. */
function checkProfilerConfig(config: TrainingJobSpec["ProfilerConfig"]): void {
  const interval = config?.ProfilingIntervalInMilliseconds;
  if (interval === undefined || isProfilingInterval(interval)) return;
  throw validationException(
    `ProfilerConfig.ProfilingIntervalInMilliseconds ${interval} is not one of ${profilingIntervals}.`,
  );
}

function isFolderOfItsOwn(path: string): boolean {
  if (!/^\/opt\/ml(\/[^/]+)+\/?$/.test(path) || /(^|\/)\.{1,2}(\/|$)/.test(path)) return false;
  const bare = `${path.replace(/\/+$/, "")}/`;
  const taken = ["input", "model", "output/data", "output/failure", "output/metrics", "sagemaker"];
  return bare !== "/opt/ml/output/" && !taken.some((name) => bare.startsWith(`/opt/ml/${name}/`));
}
