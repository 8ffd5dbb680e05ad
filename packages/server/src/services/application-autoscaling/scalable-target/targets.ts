import type { Scope } from "../../../scope.ts";
import {
  type ScalableId,
  type ScalableTargetValue,
  scalableTargetKey,
} from "../../../serving/scaling/scalable-target.ts";
import { policyPrefix, type ScalingPolicyValue } from "../../../serving/scaling/scaling-policy.ts";
import type { Store, StoredRecord, Write } from "../../../store/store.ts";
import { dropTags } from "../../sagemaker/tags/tags-record.ts";
import type { OperationPlace } from "../../service.ts";
import { objectNotFound } from "../errors.ts";
import type { ScalingOperation, ScalingOutput } from "../operation.ts";
import { pageOf } from "../page.ts";
import { scalableId } from "../scalable-id.ts";
import { trackingAlarmDeletions } from "../scaling-policy/tracking-alarms.ts";

type Target = NonNullable<ScalingOutput<"DescribeScalableTargets">["ScalableTargets"]>[number];

/** The record of a scalable target. @throws ObjectNotFoundException. */
export async function scalableTarget(
  { scope, platform }: OperationPlace,
  id: ScalableId,
): Promise<StoredRecord<ScalableTargetValue>> {
  const record = await platform.store.get<ScalableTargetValue>(scalableTargetKey(scope, id));
  if (record === undefined) throw objectNotFound("No scalable target registered", id);
  return record;
}

/** One page of scalable targets; of some resources, where they are named. */
export const describeScalableTargets: ScalingOperation<"DescribeScalableTargets"> = async (input, context) => {
  const { ResourceIds: resources, ScalableDimension: dimension, ...rest } = input;
  if (resources === undefined || resources.length === 0) {
    const page = await pageOf<ScalableTargetValue>("scalable-target", rest, context);
    const found = page.records.filter(({ value }) => dimension === undefined || value.dimension === dimension);
    return { ScalableTargets: found.map(describe), ...page.next };
  }
  const found: StoredRecord<ScalableTargetValue>[] = [];
  for (const ResourceId of new Set(resources)) {
    const one = { ServiceNamespace: input.ServiceNamespace, ResourceId, ScalableDimension: dimension };
    found.push(...(await pageOf<ScalableTargetValue>("scalable-target", one, context)).records);
  }
  return { ScalableTargets: found.map(describe) };
};

/** Ends scaling: the target goes with its policies, their alarms and its scheduled actions. Capacity stays as it is. */
export const deregisterScalableTarget: ScalingOperation<"DeregisterScalableTarget"> = async (input, context) => {
  const id = scalableId(input);
  await scalableTarget(context, id);
  await context.platform.store.write(await targetDeletion(context.platform.store, context.scope, id));
  return {};
};

/** Deletes a target and all that belongs to it but the account of what it did. */
export async function targetDeletion(store: Store, scope: Scope, id: ScalableId): Promise<Write[]> {
  const key = scalableTargetKey(scope, id);
  const target = await store.get<ScalableTargetValue>(key);
  const writes: Write[] = [{ op: "delete", key }];
  if (target !== undefined) writes.push(...(await dropTags(store, scope, target.value.arn)));
  for (const kind of ["scaling-policy", "scheduled-action"]) {
    for (const record of await recordsOf<ScalingPolicyValue>(store, scope, id, kind)) {
      writes.push({ op: "delete", key: { ...key, kind, name: record.name } });
      if (kind === "scaling-policy") writes.push(...(await trackingAlarmDeletions(store, scope, record.value)));
    }
  }
  return writes;
}

/** All records of a kind that belong to a target. Their number is limited when they are made. */
export async function recordsOf<Value>(
  store: Store,
  { account, region }: Pick<Scope, "account" | "region">,
  id: ScalableId,
  kind: string,
): Promise<StoredRecord<Value>[]> {
  const page = await store.list<Value>({ kind, account, region, prefix: policyPrefix(id), limit: 1_000 });
  return [...page.records];
}

function describe({ value, createdAt }: StoredRecord<ScalableTargetValue>): Target {
  return {
    ServiceNamespace: "sagemaker",
    ResourceId: value.resourceId,
    ScalableDimension: value.dimension,
    MinCapacity: value.min,
    MaxCapacity: value.max,
    RoleARN: value.roleArn,
    CreationTime: new Date(createdAt),
    SuspendedState: {
      DynamicScalingInSuspended: value.suspended.in,
      DynamicScalingOutSuspended: value.suspended.out,
      ScheduledScalingSuspended: value.suspended.scheduled,
    },
    ScalableTargetARN: value.arn,
  };
}
