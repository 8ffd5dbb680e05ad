import { randomUUID } from "node:crypto";
import type { Scope } from "../../../scope.ts";
import { type ScalableTargetValue, scalableTargetKey } from "../../../serving/scaling/scalable-target.ts";
import { policyPrefix } from "../../../serving/scaling/scaling-policy.ts";
import type { RecordKey, Store, StoredRecord, Write } from "../../../store/store.ts";
import type { ScalingOperation, ScalingOutput } from "../operation.ts";
import { pageOf } from "../page.ts";

type Activity = NonNullable<ScalingOutput<"DescribeScalingActivities">["ScalingActivities"]>[number];
type StatusCode = Activity["StatusCode"] & string;

/** Activities are told of for six weeks. */
const keptMs = 42 * 24 * 3600_000;
/** Status of records about what was not done, which are told only to who asks. */
const notScaled = "NotScaled";

/** The value of a `scaling-activity` record. Times are milliseconds since 1970. */
export interface ActivityValue extends Pick<ScalableTargetValue, "resourceId" | "dimension"> {
  readonly id: string;
  readonly description: string;
  readonly cause: string;
  readonly status: StatusCode;
  readonly message?: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Why nothing was done. */
  readonly notScaled?: { readonly code: string; readonly min: number; readonly max: number; readonly current: number };
}

/** Notes an activity of a target. @returns The write, and the record's name. */
export function newActivity(
  scope: Pick<Scope, "account" | "region">,
  target: ScalableTargetValue,
  activity: Omit<ActivityValue, "id" | "resourceId" | "dimension">,
): { readonly name: string; readonly write: Write } {
  const { resourceId, dimension } = target;
  const id = randomUUID();
  const key = activityKey(scope, target, policyPrefix(target) + id);
  const status = activity.notScaled === undefined ? activity.status : notScaled;
  return { name: key.name, write: { op: "create", key, value: { ...activity, id, resourceId, dimension }, status } };
}

/** The key of an activity's record, by the record's name. */
export function activityKey(
  scope: Pick<Scope, "account" | "region">,
  target: Pick<ScalableTargetValue, "resourceId" | "dimension">,
  name: string,
): RecordKey {
  return { ...scalableTargetKey(scope, target), kind: "scaling-activity", name };
}

/** Deletes some of what is older than is told of. */
export async function outdatedActivities(
  store: Store,
  scope: Pick<Scope, "account" | "region">,
  target: ScalableTargetValue,
  now: number,
): Promise<Write[]> {
  const { records } = await store.list({
    ...{ kind: "scaling-activity", account: scope.account, region: scope.region, prefix: policyPrefix(target) },
    ...{ sortBy: "created", createdBefore: now - keptMs, limit: 100 },
  });
  return records.map(({ name }) => ({ op: "delete", key: activityKey(scope, target, name) }));
}

/** One page of activities of the last six weeks, the newest first. */
export const describeScalingActivities: ScalingOperation<"DescribeScalingActivities"> = async (input, context) => {
  const page = await pageOf<ActivityValue>("scaling-activity", input, context, {
    ...{ sortBy: "created", descending: true },
    ...(input.IncludeNotScaledActivities !== true && { statusNot: [notScaled] }),
  });
  return { ScalingActivities: page.records.map(describe), ...page.next };
};

function describe({ value }: StoredRecord<ActivityValue>): Activity {
  const { notScaled: reason } = value;
  return {
    ActivityId: value.id,
    ServiceNamespace: "sagemaker",
    ResourceId: value.resourceId,
    ScalableDimension: value.dimension,
    Description: value.description,
    Cause: value.cause,
    StartTime: new Date(value.startedAt),
    ...(value.endedAt !== undefined && { EndTime: new Date(value.endedAt) }),
    StatusCode: value.status,
    ...(value.message !== undefined && { StatusMessage: value.message }),
    ...(reason !== undefined && {
      NotScaledReasons: [
        {
          ...{ Code: reason.code, CurrentCapacity: reason.current },
          ...(reason.code === "AlreadyAtMaxCapacity" && { MaxCapacity: reason.max }),
          ...(reason.code === "AlreadyAtMinCapacity" && { MinCapacity: reason.min }),
        },
      ],
    }),
  };
}
