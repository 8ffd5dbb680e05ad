import { ServiceError } from "../../../errors.ts";
import type { Scope } from "../../../scope.ts";
import type { RecordKey, StoredRecord } from "../../../store/store.ts";
import type { Input } from "../operation.ts";

export const experimentKind = "inference-experiment";

type Create = Input<"CreateInferenceExperiment">;
/** Where to a variant goes when the experiment ends. */
export type VariantAction = "Retain" | "Remove" | "Promote";

/** What can be changed while an experiment waits or runs. */
export type ExperimentSpec = Pick<Create, "ModelVariants" | "ShadowModeConfig" | "DataStorageConfig">;

/** The value of an `inference-experiment` record. Times are milliseconds since 1970. */
export interface ExperimentValue {
  readonly arn: string;
  readonly endpoint: string;
  /** Tells the endpoint from a later one of its name. */
  readonly endpointIdentity: string;
  readonly roleArn: string;
  readonly description?: string;
  readonly kmsKey?: string;
  readonly spec: ExperimentSpec;
  /** Of an update under way; `spec` where it fails. */
  readonly nextSpec?: ExperimentSpec;
  readonly startAt: number;
  readonly endAt: number;
  /** The endpoint's configuration before the experiment. */
  readonly originalConfig?: string;
  /** Configurations that the experiment has run under, the present one last. */
  readonly configs: readonly string[];
  /** The change of the endpoint that is under way. */
  readonly change?: EndpointChange;
  readonly stop?: StopRequest;
  readonly startedAt?: number;
  readonly completedAt?: number;
  readonly statusReason?: string;
}

/** First the name is noted, then the configuration is made, then, in one transaction, the endpoint is asked and that noted. */
export interface EndpointChange {
  readonly config: string;
  readonly isAsked: boolean;
}

/** How an experiment is to end. */
export interface StopRequest {
  readonly actions: Readonly<Record<string, VariantAction>>;
  readonly variants?: Create["ModelVariants"];
  readonly state: "Completed" | "Cancelled";
  readonly reason?: string;
}

export type ExperimentRecord = StoredRecord<ExperimentValue>;

/** Statuses that an experiment ends in. */
export const finalExperimentStatuses = ["Completed", "Cancelled"];

/** Longest and, where nobody says, usual duration. */
export const dayMs = 24 * 3600_000;
export const [defaultDays, mostDays] = [7, 30];

/** An endpoint has one experiment at a time: the record that says which. It goes when the experiment has ended. */
export function endpointLockKey({ account, region }: Pick<Scope, "account" | "region">, endpoint: string): RecordKey {
  return { account, region, kind: "inference-experiment-of-endpoint", name: endpoint };
}

/** The names of the two variants. */
export function variantNames({ ShadowModeConfig: config }: ExperimentSpec): { source: string; shadow: string } {
  return {
    source: config?.SourceModelVariantName ?? "",
    shadow: config?.ShadowModelVariants?.[0]?.ShadowModelVariantName ?? "",
  };
}

/** The experiment is in a status that does not allow it. */
export function conflict(message: string): ServiceError {
  return new ServiceError("ConflictException", message, { status: 400 });
}
