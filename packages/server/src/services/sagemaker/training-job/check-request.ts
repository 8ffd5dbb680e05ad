import { validationException } from "../../../errors.ts";
import type { Image } from "../../../images/image.ts";
import { hasOwnCode } from "../../../images/own-code.ts";
import { UnknownImage } from "../../../images/resolve-image.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import type { OperationPlace } from "../../service.ts";
import { checkEnvironment } from "../check-environment.ts";
import { checkVpcConfig } from "../check-vpc-config.ts";
import { checkExecutionRole } from "../execution-role.ts";
import { checkMetricDefinitions, metricLimit } from "./check-metric-definitions.ts";
import { codeSigns } from "./code-signs.ts";
import { checkpointPath } from "./config-files.ts";
import { checkDebugOutputs } from "./debug-outputs.ts";
import { checkKeys } from "./encryption.ts";
import { hostCount, instanceCount, maxHosts } from "./hosts.ts";
import { checkChannels } from "./input/check-channels.ts";
import { outputKeysFit } from "./output-keys.ts";
import { defaultMaxRuntimeSeconds } from "./time-limits.ts";
import type { TrainingJobSpec } from "./training-job.ts";
import { checkKeepAlive } from "./warm-pool.ts";

/**
 * Checks what the service's model cannot state, and fills in what the service fills in.
 * @returns The request as it is kept, with the image's metric definitions and the default time limit, and how many
 * hosts the job has.
 * @throws ValidationException with the member's name.
 */
export function checkRequest(
  request: TrainingJobSpec,
  context: OperationPlace,
): { readonly spec: TrainingJobSpec; readonly hosts: number } {
  checkExecutionRole(context, request.RoleArn);
  const { algorithm, image } = checkAlgorithm(request, context);
  checkResources(request);
  checkKeys(request, context);
  checkHosts(request);
  checkKeepAlive(request);
  checkS3Uri("OutputDataConfig.S3OutputPath", request.OutputDataConfig.S3OutputPath);
  if (!outputKeysFit(request)) {
    throw validationException(
      "OutputDataConfig.S3OutputPath is too long: keys of the job's output would pass 1024 bytes.",
    );
  }
  checkCheckpoints(request);
  checkDebugOutputs(request);
  checkStopping(request);
  checkEnvironment("Environment", request.Environment);
  checkVpcConfig(request.VpcConfig);
  checkChannels(request);
  const spec = {
    ...request,
    AlgorithmSpecification: algorithm,
    StoppingCondition: { MaxRuntimeInSeconds: defaultMaxRuntimeSeconds, ...request.StoppingCondition },
  };
  return { spec, hosts: hostCount(spec, image) };
}

type AlgorithmSpecification = NonNullable<TrainingJobSpec["AlgorithmSpecification"]>;

function checkAlgorithm(
  request: TrainingJobSpec,
  context: OperationPlace,
): { readonly algorithm: AlgorithmSpecification; readonly image: Image } {
  const given = request.AlgorithmSpecification;
  if (!given) throw validationException("AlgorithmSpecification is required: jobs without an image are not supported.");
  checkRepositoryLogin(given);
  // `applyAlgorithm` found the image of a request that names an algorithm resource.
  const image = findImage(given.TrainingImage as string, hasOwnCode(codeSigns(request)), context);
  if (image.kind !== "algorithm") {
    checkMetricDefinitions("AlgorithmSpecification.MetricDefinitions", given.MetricDefinitions);
    return { algorithm: given, image };
  }
  if (given.ContainerEntrypoint || given.ContainerArguments) {
    throw validationException("ContainerEntrypoint and ContainerArguments cannot be given for a built-in algorithm.");
  }
  if (given.MetricDefinitions?.length) {
    throw validationException(
      "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request without specifying metric definitions.",
    );
  }
  const metrics = image.definition.metrics
    .slice(0, metricLimit)
    .map(({ name, regex }) => ({ Name: name, Regex: regex }));
  return { algorithm: { ...given, MetricDefinitions: metrics }, image };
}

function checkRepositoryLogin({ TrainingImageConfig: config }: AlgorithmSpecification): void {
  const provider = config?.TrainingRepositoryAuthConfig?.TrainingRepositoryCredentialsProviderArn;
  if (provider === undefined) return;
  throw validationException(
    `TrainingImageConfig.TrainingRepositoryAuthConfig names the function ${provider}, and no functions run here. Leave it out: the registry is opened with the credentials that docker login or podman login left for the server's user.`,
  );
}

function findImage(uri: string, isScript: boolean, { platform }: OperationPlace): Image {
  try {
    return platform.images.find(uri, isScript);
  } catch (error) {
    if (error instanceof UnknownImage) throw validationException(error.message);
    throw error;
  }
}

function checkResources({ ResourceConfig: resources }: TrainingJobSpec): void {
  if (!resources) throw validationException("ResourceConfig is required.");
  const single = resources.InstanceType !== undefined || resources.InstanceCount !== undefined;
  if (single && resources.InstanceGroups?.length) {
    throw validationException("ResourceConfig takes either InstanceType and InstanceCount, or InstanceGroups.");
  }
  if (!resources.InstanceGroups?.length && (!resources.InstanceType || !resources.InstanceCount)) {
    throw validationException("ResourceConfig needs InstanceType and InstanceCount, or InstanceGroups.");
  }
}

/** Every instance may become a run of its own. */
function checkHosts(request: TrainingJobSpec): void {
  const names = (request.ResourceConfig?.InstanceGroups ?? []).map(({ InstanceGroupName }) => InstanceGroupName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw validationException(`ResourceConfig.InstanceGroups has two groups named ${twice}.`);
  const count = instanceCount(request);
  if (count < 1) throw validationException("ResourceConfig.InstanceGroups asks for no instance at all.");
  if (count > maxHosts) {
    throw validationException(`ResourceConfig asks for ${count} instances; a job has at most ${maxHosts} here.`);
  }
}

function checkS3Uri(member: string, uri: string): void {
  if (!parseS3Uri(uri)) throw validationException(`${member} "${uri}" is not an S3 URI: expected s3://bucket/prefix.`);
}

/** Checkpoints are files below the folder that the platform mounts. */
function checkCheckpoints(request: TrainingJobSpec): void {
  if (!request.CheckpointConfig) return;
  checkS3Uri("CheckpointConfig.S3Uri", request.CheckpointConfig.S3Uri);
  const path = checkpointPath(request) as string;
  const taken = ["input", "model", "output"].some((name) => `${path}/`.startsWith(`/opt/ml/${name}/`));
  if (!/^\/opt\/ml(\/[^/]+)+$/.test(path) || /(^|\/)\.{1,2}(\/|$)/.test(path) || taken) {
    throw validationException(
      `CheckpointConfig.LocalPath "${path}" must be a folder of its own below /opt/ml, such as /opt/ml/checkpoints.`,
    );
  }
}

function checkStopping({ StoppingCondition: limits, EnableManagedSpotTraining: spot }: TrainingJobSpec): void {
  const wait = limits?.MaxWaitTimeInSeconds;
  const run = limits?.MaxRuntimeInSeconds ?? defaultMaxRuntimeSeconds;
  if (spot && wait === undefined) {
    throw validationException(
      "MaxWaitTimeInSeconds must be present in StoppingCondition when EnableManagedSpotTraining is set to true.",
    );
  }
  if (!spot && wait !== undefined) {
    throw validationException("MaxWaitTimeInSeconds is only allowed when EnableManagedSpotTraining is set to true.");
  }
  if (wait !== undefined && wait < run) {
    throw validationException(
      `Invalid MaxWaitTimeInSeconds ${wait}: it must not be less than MaxRuntimeInSeconds, ${run}.`,
    );
  }
}
