import { hash } from "node:crypto";
import { ServiceError } from "../../../errors.ts";
import type { Platform } from "../../../platform.ts";
import { again, type Controller, done, type Outcome } from "../../../reconcile/reconcile.ts";
import { partitionOf, type Scope } from "../../../scope.ts";
import { type StoredRecord, type Write, WriteConflict } from "../../../store/store.ts";
import { recordTrainingJob } from "../training-job/create.ts";
import { trainingJobs } from "../training-job/resource.ts";
import type { TrainingJobRecord, TrainingJobSpec } from "../training-job/training-job.ts";
import {
  type AlgorithmValue,
  algorithmKind,
  finalAlgorithmStatuses,
  type ProfileValidation,
  type ValidationProfile,
} from "./algorithm-record.ts";

type AlgorithmRecord = StoredRecord<AlgorithmValue>;

/** How often a validation looks at its training job. */
const lookIntervalMs = 500;

/** Validates algorithms: runs the training job of each profile, as CreateTrainingJob would, and judges by its end. */
export function algorithmController(platform: Platform): Controller<AlgorithmValue> {
  return {
    kind: algorithmKind,
    finalStatuses: finalAlgorithmStatuses,
    concurrency: 4,
    reconcile: (record) => reconcile(platform, record),
  };
}

async function reconcile(platform: Platform, record: AlgorithmRecord): Promise<Outcome> {
  const { status, value } = record;
  const open = status === "Pending" || status === "InProgress";
  if (!open || value.validations === undefined) return done;
  const validations = await Promise.all(value.validations.map((each) => advance(platform, record, each)));
  const next = { ...value, validations };
  const verdict = overall(validations);
  if (verdict === status && validations.every((each, index) => each === value.validations?.[index])) {
    return again(lookIntervalMs);
  }
  const { account, region, kind, name, version } = record;
  const update: Write = {
    ...{ op: "update", key: { account, region, kind, name }, version },
    ...{ value: next, status: verdict },
  };
  try {
    await platform.store.write([update]);
  } catch (error) {
    // Somebody changed it meanwhile: look at it anew.
    if (error instanceof WriteConflict) return again(0);
    throw error;
  }
  platform.log.info("algorithm changed", { algorithm: name, status: verdict });
  return verdict === "InProgress" ? again(lookIntervalMs) : done;
}

function overall(validations: readonly ProfileValidation[]): "InProgress" | "Completed" | "Failed" {
  if (validations.some(({ status }) => status === "NotStarted" || status === "InProgress")) return "InProgress";
  return validations.every(({ status }) => status === "Completed") ? "Completed" : "Failed";
}

/** One profile a step further; the same object when there is nothing new. */
async function advance(
  platform: Platform,
  record: AlgorithmRecord,
  validation: ProfileValidation,
): Promise<ProfileValidation> {
  if (validation.status === "NotStarted") return begin(platform, record, validation);
  if (validation.status !== "InProgress") return validation;
  const job = validation.job as string;
  const found = (await platform.store.get(trainingJobs.key(scopeOf(record), job))) as TrainingJobRecord | undefined;
  switch (found?.status) {
    case undefined:
      return failed(validation, `The training job ${job} was deleted.`);
    case "Completed":
      return { ...validation, status: "Completed" };
    case "Failed":
      return failed(validation, `The training job ${job} failed: ${found.value.failureReason}`);
    case "Stopped":
      return failed(validation, `The training job ${job} was stopped.`);
    default:
      return validation;
  }
}

/** Creates the profile's job. Repeated after a crash, it finds the one that it had created. */
async function begin(
  platform: Platform,
  record: AlgorithmRecord,
  validation: ProfileValidation,
): Promise<ProfileValidation> {
  const { ValidationSpecification: specification } = record.value.spec;
  const profile = specification?.ValidationProfiles?.find(({ ProfileName }) => ProfileName === validation.profile);
  const request = requestOf(record, specification?.ValidationRole as string, profile as ValidationProfile);
  const started = { ...validation, status: "InProgress", job: request.TrainingJobName } as const;
  try {
    await recordTrainingJob(request, { scope: scopeOf(record), platform }, { validates: true });
    return started;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.code === "ResourceInUse") return started;
    return failed(validation, error.message);
  }
}

/** The profile's definition as a request of its role. The name is derived, so that it is the same at each try. */
function requestOf(
  { name, createdAt, value }: AlgorithmRecord,
  role: string,
  { ProfileName, TrainingJobDefinition: definition }: ValidationProfile,
): TrainingJobSpec {
  const digest = hash("sha256", `${value.arn}\n${createdAt}\n${ProfileName}`).slice(0, 12);
  const { TrainingInputMode, ...rest } = definition as NonNullable<typeof definition>;
  return {
    ...rest,
    TrainingJobName: `${name.slice(0, 39).replace(/-+$/, "")}-validation-${digest}`,
    RoleArn: role,
    AlgorithmSpecification: { AlgorithmName: name, TrainingInputMode },
  } as TrainingJobSpec;
}

function failed(validation: ProfileValidation, failureReason: string): ProfileValidation {
  return { ...validation, status: "Failed", failureReason };
}

function scopeOf({ account, region }: AlgorithmRecord): Scope {
  return { partition: partitionOf(region), account, region };
}
