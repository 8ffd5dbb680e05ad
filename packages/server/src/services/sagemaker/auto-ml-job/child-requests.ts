import { hash } from "node:crypto";
import { autopilotContract } from "@sagebrush/algorithms/definitions";
import { imageUri } from "../../../images/resolve-image.ts";
import type { Scope } from "../../../scope.ts";
import type { Input } from "../operation.ts";
import type { AutoMLJob } from "./auto-ml-job.ts";

type JobRequest = Input<"CreateTrainingJob">;

/** What a training job may take that was given no limit: a day, the service's default of training jobs. */
const defaultRuntimeSeconds = 86_400;
const instanceType = "ml.m5.large";
const volumeSizeInGB = 30;

/** Endings of the names of training jobs, and what is done in them. `ensemble` and `features` are numbered. */
export type Part = "db" | "rp" | `t${number}` | `dpp${number}`;

/**
 * The name of a training job of an Autopilot job: the job's, the part's, and eight digits that follow from both and from when
 * the job was created, so that another one of the same name has other training jobs.
 */
export function childName(name: string, createdAt: number, part: Part): string {
  return `${name}-${part}-1-${hash("sha256", `${name}\n${createdAt}\n${part}`).slice(0, 8)}`;
}

/** The Autopilot job that a training job's name says it is of. */
export function ownerName(child: string): string | undefined {
  return /^(.{1,32})-(?:db|rp|t\d+|dpp\d+)-1-[0-9a-f]{8}$/.exec(child)?.[1];
}

/** The name of the tuning job, which may have 32 characters. */
export function searchName(name: string, createdAt: number): string {
  return `${name.slice(0, 18).replace(/-+$/, "")}-tune-${hash("sha256", `${name}\n${createdAt}\nsearch`).slice(0, 8)}`;
}

/** The image of the program that runs in all of them, and serves what comes of it. */
export function programImage(scope: Scope): string {
  return imageUri(autopilotContract.definition, scope.region) ?? `${autopilotContract.definition.name}:1`;
}

/** Where a job's results lie in S3, without a slash at the end. */
export function placeOf(name: string, { order }: AutoMLJob): string {
  return `${order.outputUri}/${name}`;
}

/** Where the divided rows and the analysis lie. */
export function dataUri(name: string, job: AutoMLJob): string {
  return `${placeOf(name, job)}/${autopilotContract.dataFolder}/`;
}

/** What the request of every part shares. */
export interface ChildRequest {
  readonly name: string;
  readonly job: AutoMLJob;
  readonly scope: Scope;
  readonly hyperParameters: Readonly<Record<string, string>>;
  readonly channels: readonly (readonly [name: string, uri: string])[];
  /** Below the job's place. */
  readonly output: string;
  /** Below the job's place: where files go that are objects of their own. */
  readonly files?: string;
}

/** A request as the owner of the Autopilot job would have written it. @param owner - The Autopilot job's name. */
export function trainingRequest(owner: string, child: ChildRequest): JobRequest {
  const { job, scope, files } = child;
  const { order, tags } = job;
  const { VpcConfig, VolumeKmsKeyId, EnableInterContainerTrafficEncryption } = order.security;
  const place = placeOf(owner, job);
  return {
    TrainingJobName: child.name,
    AlgorithmSpecification: { TrainingImage: programImage(scope), TrainingInputMode: "File" },
    RoleArn: order.role,
    HyperParameters: { ...child.hyperParameters },
    InputDataConfig: child.channels.map(([name, uri]) => channel(name, uri)),
    OutputDataConfig: {
      S3OutputPath: `${place}/${child.output}`,
      ...(order.outputKey !== undefined && { KmsKeyId: order.outputKey }),
    },
    ...(files !== undefined && { CheckpointConfig: { S3Uri: `${place}/${files}` } }),
    ResourceConfig: {
      ...{ InstanceType: instanceType, InstanceCount: 1, VolumeSizeInGB: volumeSizeInGB },
      ...(VolumeKmsKeyId !== undefined && { VolumeKmsKeyId }),
    },
    StoppingCondition: {
      MaxRuntimeInSeconds: order.completion.MaxRuntimePerTrainingJobInSeconds ?? defaultRuntimeSeconds,
    },
    ...(VpcConfig && { VpcConfig }),
    ...(EnableInterContainerTrafficEncryption !== undefined && { EnableInterContainerTrafficEncryption }),
    ...(tags.length > 0 && { Tags: [...tags] }),
  };
}

/** A channel of whole objects below a prefix. */
export function channel(name: string, uri: string): NonNullable<JobRequest["InputDataConfig"]>[number] {
  return {
    ChannelName: name,
    ContentType: "text/csv",
    DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: uri, S3DataDistributionType: "FullyReplicated" } },
  };
}

/** The request of the job that looks at the data. */
export function analysisRequest(owner: string, createdAt: number, job: AutoMLJob, scope: Scope): JobRequest {
  const { order } = job;
  const name = childName(owner, createdAt, "db");
  const { MaxCandidates } = order.completion;
  const given = {
    ...{ stage: "analyze", target: order.target, mode: order.definitionsOnly ? "HYPERPARAMETER_TUNING" : order.mode },
    ...{ job_name: owner, own_name: name, image: programImage(scope), role: order.role },
    output: placeOf(owner, job),
    ...(order.problemType && { problem_type: order.problemType }),
    ...(order.objective !== undefined && { objective: order.objective }),
    ...(order.algorithms && { algorithms: order.algorithms.join(",") }),
    ...(order.validationFraction !== undefined && { validation_fraction: String(order.validationFraction) }),
    ...(MaxCandidates !== undefined && { max_candidates: String(MaxCandidates) }),
  };
  const folder = "sagemaker-automl-candidates";
  const request = trainingRequest(owner, {
    ...{ name, job, scope, hyperParameters: given, output: folder, files: "" },
    channels: order.featureSpecification === undefined ? [] : [["specification", order.featureSpecification]],
  });
  // Looking at the data is not training: the limit of training jobs is not its.
  const StoppingCondition = { MaxRuntimeInSeconds: defaultRuntimeSeconds };
  const data = order.channels.map(({ type, uri, dataType, contentType }) => ({
    ChannelName: type,
    ContentType: contentType,
    DataSource: {
      S3DataSource: { S3DataType: dataType, S3Uri: uri, S3DataDistributionType: "FullyReplicated" as const },
    },
  }));
  return { ...request, StoppingCondition, InputDataConfig: [...data, ...(request.InputDataConfig ?? [])] };
}
