import { randomUUID } from "node:crypto";
import type { Scope } from "../../../scope.ts";
import { type ScalableId, scalableTargetKey } from "../../../serving/scaling/scalable-target.ts";
import { policyPrefix } from "../../../serving/scaling/scaling-policy.ts";
import { isTimeZone } from "../../../serving/scaling/schedule/civil-time.ts";
import { type RecordKey, type StoredRecord, type Write, WriteConflict } from "../../../store/store.ts";
import { invalid, limitExceeded, objectNotFound } from "../errors.ts";
import type { ScalingInput, ScalingOperation, ScalingOutput } from "../operation.ts";
import { pageOf } from "../page.ts";
import { scalableId } from "../scalable-id.ts";
import { checkBounds } from "../scalable-target/register.ts";
import { recordsOf, scalableTarget } from "../scalable-target/targets.ts";
import { type ScheduledActionValue, scheduleOf } from "./scheduled-action.ts";

/** Most scheduled actions of one target. */
const mostActions = 200;

/**
 * Plans new bounds for a scalable target, or changes such a plan.
 * @throws ObjectNotFoundException when nothing is registered, ValidationException for a schedule that never runs.
 */
export const putScheduledAction: ScalingOperation<"PutScheduledAction"> = async (input, context) => {
  const { scope, platform } = context;
  const id = scalableId(input);
  const target = await scalableTarget(context, id);
  const key = actionKey(scope, id, input.ScheduledActionName);
  const before = await platform.store.get<ScheduledActionValue>(key);
  if (before === undefined && (await recordsOf(platform.store, scope, id, "scheduled-action")).length >= mostActions) {
    throw limitExceeded(`There are ${mostActions} scheduled actions for ${id.resourceId}; there can be no more.`);
  }
  const arn = `arn:${scope.partition}:autoscaling:${scope.region}:${scope.account}:scheduledAction:${randomUUID()}:resource/sagemaker/${id.resourceId}:scheduledActionName/${input.ScheduledActionName}`;
  const known = before?.value ?? { ...id, arn, actionName: input.ScheduledActionName };
  const value = actionOf(input, known, platform.clock.now());
  const { account, region, kind, name, version } = target;
  try {
    await platform.store.write([
      { op: "update", key: { account, region, kind, name }, version, value: target.value },
      before === undefined ? { op: "create", key, value } : { op: "update", key, version: before.version, value },
    ]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    return await putScheduledAction(input, context);
  }
  return {};
};

/** One page of scheduled actions. */
export const describeScheduledActions: ScalingOperation<"DescribeScheduledActions"> = async (input, context) => {
  const page = await pageOf<ScheduledActionValue>("scheduled-action", input, context);
  const names = input.ScheduledActionNames;
  const found = page.records.filter(({ value }) => !names?.length || names.includes(value.actionName));
  return { ScheduledActions: found.map(describe), ...page.next };
};

/** Deletes a plan. Bounds that it set stay. */
export const deleteScheduledAction: ScalingOperation<"DeleteScheduledAction"> = async (input, { scope, platform }) => {
  const id = scalableId(input);
  const key = actionKey(scope, id, input.ScheduledActionName);
  if ((await platform.store.get(key)) === undefined) {
    throw objectNotFound(`No scheduled action found with the name ${input.ScheduledActionName}`, id);
  }
  const deletion: Write = { op: "delete", key };
  await platform.store.write([deletion]);
  return {};
};

/** The key of a scheduled action's record. */
function actionKey(scope: Pick<Scope, "account" | "region">, id: ScalableId, name: string): RecordKey {
  return { ...scalableTargetKey(scope, id), kind: "scheduled-action", name: policyPrefix(id) + name };
}

type Known = Pick<ScheduledActionValue, "resourceId" | "dimension" | "arn" | "actionName"> &
  Partial<ScheduledActionValue>;

function actionOf(input: ScalingInput<"PutScheduledAction">, before: Known, now: number): ScheduledActionValue {
  const { Schedule: schedule = before.schedule, Timezone: zone = before.zone, ScalableTargetAction: asked } = input;
  const [min, max] = asked === undefined ? [before.min, before.max] : [asked.MinCapacity, asked.MaxCapacity];
  const [start, end] = [input.StartTime?.getTime() ?? before.start, input.EndTime?.getTime() ?? before.end];
  if (schedule === undefined) throw invalid("Schedule must be specified for a new scheduled action.");
  if (min === undefined && max === undefined) {
    throw invalid("ScalableTargetAction must have MinCapacity, MaxCapacity or both.");
  }
  checkBounds(before.dimension, min ?? 1, max ?? Number.POSITIVE_INFINITY);
  if (zone !== undefined && !isTimeZone(zone))
    throw invalid(`Timezone ${zone} is not a time zone of the IANA database.`);
  if (end !== undefined && end <= Math.max(now, start ?? 0)) {
    throw invalid("EndTime must be in the future, and later than StartTime.");
  }
  const action: ScheduledActionValue = {
    ...{ resourceId: before.resourceId, dimension: before.dimension, arn: before.arn, actionName: before.actionName },
    ...{ schedule, since: now, doneUntil: now },
    ...(zone !== undefined && { zone }),
    ...(start !== undefined && { start }),
    ...(end !== undefined && { end }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
  };
  if (nextOf(action, now) === undefined) throw invalid(`The schedule ${schedule} has no time in the future.`);
  return action;
}

function nextOf(action: ScheduledActionValue, now: number): number | undefined {
  try {
    return scheduleOf(action).next(now);
  } catch (error) {
    throw invalid(`Invalid schedule ${action.schedule}: ${(error as Error).message}.`);
  }
}

type Action = NonNullable<ScalingOutput<"DescribeScheduledActions">["ScheduledActions"]>[number];

function describe({ value, createdAt }: StoredRecord<ScheduledActionValue>): Action {
  return {
    ScheduledActionName: value.actionName,
    ScheduledActionARN: value.arn,
    ServiceNamespace: "sagemaker",
    Schedule: value.schedule,
    ...(value.zone !== undefined && { Timezone: value.zone }),
    ResourceId: value.resourceId,
    ScalableDimension: value.dimension,
    ...(value.start !== undefined && { StartTime: new Date(value.start) }),
    ...(value.end !== undefined && { EndTime: new Date(value.end) }),
    ScalableTargetAction: {
      ...(value.min !== undefined && { MinCapacity: value.min }),
      ...(value.max !== undefined && { MaxCapacity: value.max }),
    },
    CreationTime: new Date(createdAt),
  };
}
