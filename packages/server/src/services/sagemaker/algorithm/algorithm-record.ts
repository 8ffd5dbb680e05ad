import type { AlgorithmStatus, DetailedAlgorithmStatus } from "@aws-sdk/client-sagemaker";
import type { StoredRecord } from "../../../store/store.ts";
import type { Input } from "../operation.ts";

/** Record kind of algorithms. */
export const algorithmKind = "algorithm";

/** The value of an `algorithm` record: CreateAlgorithm's input as it came, tags excepted. Its status is the record's. */
export interface AlgorithmValue {
  readonly arn: string;
  readonly spec: Omit<Input<"CreateAlgorithm">, "Tags">;
  /** What became of its validation profiles, in their order; absent without any, and in records of older versions. */
  readonly validations?: readonly ProfileValidation[];
}

/** What became of one validation profile. */
export interface ProfileValidation {
  readonly profile: string;
  readonly status: DetailedAlgorithmStatus;
  /** The training job that validates it, once it was created. */
  readonly job?: string;
  readonly failureReason?: string;
}

/** What an algorithm says of its training. */
export type TrainingSpecification = AlgorithmValue["spec"]["TrainingSpecification"];

/** What it says of one hyperparameter. */
export type HyperParameterSpecification = NonNullable<TrainingSpecification["SupportedHyperParameters"]>[number];

/** What it says of one job that validates it. */
export type ValidationProfile = NonNullable<
  NonNullable<AlgorithmValue["spec"]["ValidationSpecification"]>["ValidationProfiles"]
>[number];

/** Statuses that an algorithm never leaves. Older versions stored none, and validated nothing. */
export const finalAlgorithmStatuses: readonly AlgorithmStatus[] = ["Completed", "Failed"];

/** An algorithm's status. */
export function algorithmStatus({ status = "Completed" }: Pick<StoredRecord, "status">): AlgorithmStatus {
  return status as AlgorithmStatus;
}
