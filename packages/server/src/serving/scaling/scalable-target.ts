import type { Scope } from "../../scope.ts";
import type { RecordKey } from "../../store/store.ts";

/** What can be scaled: a variant's instances or, where it is serverless, the environments that it keeps, or an inference component's copies. */
export type ScalableDimension =
  | "sagemaker:variant:DesiredInstanceCount"
  | "sagemaker:variant:DesiredProvisionedConcurrency"
  | "sagemaker:inference-component:DesiredCopyCount";

/** What a scalable target is found by. */
export interface ScalableId {
  /** `endpoint/NAME/variant/NAME` or `inference-component/NAME`. */
  readonly resourceId: string;
  readonly dimension: ScalableDimension;
}

/** The value of a `scalable-target` record. Times are milliseconds since 1970. */
export interface ScalableTargetValue extends ScalableId {
  readonly arn: string;
  readonly min: number;
  readonly max: number;
  readonly roleArn: string;
  /** What is scaled, as opposed to a later resource of the same name. */
  readonly incarnation: string;
  readonly suspended: { readonly in: boolean; readonly out: boolean; readonly scheduled: boolean };
  /** The last change that a policy or a request made. */
  readonly last?: LastChange;
  /** When each step policy changed the capacity last: an alarm that stays in its state acts once a minute. */
  readonly acted?: Readonly<Record<string, number>>;
  /** The activity under way, and what it asked for. */
  readonly activity?: { readonly name: string; readonly desired: number };
  /** Why nothing was done the last time, so that it is noted once and not at every look. */
  readonly idleBecause?: string;
}

/** A change of capacity, for the cooldown that follows it. */
export interface LastChange {
  readonly at: number;
  readonly from: number;
  readonly to: number;
  /** The cooldown's end. */
  readonly until: number;
}

/** The key of a scalable target's record. */
export function scalableTargetKey(
  { account, region }: Pick<Scope, "account" | "region">,
  { resourceId, dimension }: ScalableId,
): RecordKey {
  return { account, region, kind: "scalable-target", name: `${resourceId} ${dimension}` };
}

/** The resource of a variant. */
export function variantResource(endpoint: string, variant: string): ScalableId {
  return {
    resourceId: `endpoint/${endpoint}/variant/${variant}`,
    dimension: "sagemaker:variant:DesiredInstanceCount",
  };
}

/** The resource of an inference component. */
export function componentResource(name: string): ScalableId {
  return { resourceId: `inference-component/${name}`, dimension: "sagemaker:inference-component:DesiredCopyCount" };
}

/** Endpoint and variant of a resource id, when it is one of a variant. */
export function variantOfResource(
  resourceId: string,
): { readonly endpoint: string; readonly variant: string } | undefined {
  const [, endpoint, variant] = /^endpoint\/([^/]+)\/variant\/([^/]+)$/u.exec(resourceId) ?? [];
  return endpoint === undefined || variant === undefined ? undefined : { endpoint, variant };
}
