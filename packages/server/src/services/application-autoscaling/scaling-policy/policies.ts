import { randomUUID } from "node:crypto";
import { type ScalingPolicyValue, scalingPolicyKey } from "../../../serving/scaling/scaling-policy.ts";
import { type StoredRecord, type Write, WriteConflict } from "../../../store/store.ts";
import { alarmsOfAction } from "../../cloudwatch/alarm/alarm-actions.ts";
import { alarmArn } from "../../cloudwatch/alarm/current-alarm.ts";
import type { OperationContext } from "../../service.ts";
import { invalid, limitExceeded, objectNotFound } from "../errors.ts";
import type { ScalingInput, ScalingOperation, ScalingOutput } from "../operation.ts";
import { pageOf } from "../page.ts";
import { scalableId } from "../scalable-id.ts";
import { recordsOf, scalableTarget } from "../scalable-target/targets.ts";
import { checkStep, checkTracking } from "./check-policy.ts";
import { trackingAlarmDeletions, trackingAlarms } from "./tracking-alarms.ts";

/** Most policies of one target. */
const mostPolicies = 50;

/**
 * Makes a policy of a scalable target, or gives it another configuration. Target tracking gets its alarms with it; a step
 * policy acts when an alarm names it among its actions.
 * @throws ObjectNotFoundException when nothing is registered, ValidationException for what contradicts itself.
 */
export const putScalingPolicy: ScalingOperation<"PutScalingPolicy"> = async (input, context) => {
  const { scope, platform } = context;
  const id = scalableId(input);
  const target = await scalableTarget(context, id);
  const key = scalingPolicyKey(scope, id, input.PolicyName);
  const before = await platform.store.get<ScalingPolicyValue>(key);
  const {
    step: _step,
    tracking: _tracking,
    ...kept
  } = before?.value ?? {
    ...id,
    policyName: input.PolicyName,
    arn: `arn:${scope.partition}:autoscaling:${scope.region}:${scope.account}:scalingPolicy:${randomUUID()}:resource/sagemaker/${id.resourceId}:policyName/${input.PolicyName}`,
  };
  const asked = { ...kept, ...configurationOf(input, before?.value) };
  if (before === undefined) await checkRoom(context, id);
  const { policy, writes } = await trackingAlarms(platform.store, scope, asked, platform.clock.now());
  const record: Write =
    before === undefined
      ? { op: "create", key, value: policy }
      : { op: "update", key, version: before.version, value: policy };
  try {
    // The target is written too, so that it cannot go in the middle.
    const { account, region, kind, name, version, value } = target;
    const touch: Write = { op: "update", key: { account, region, kind, name }, version, value };
    await platform.store.write([touch, record, ...writes]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    return await putScalingPolicy(input, context);
  }
  return { PolicyARN: policy.arn, Alarms: await alarmsOf(context, policy) };
};

/** One page of policies, with the alarms that call them. */
export const describeScalingPolicies: ScalingOperation<"DescribeScalingPolicies"> = async (input, context) => {
  const page = await pageOf<ScalingPolicyValue>("scaling-policy", input, context);
  const names = input.PolicyNames;
  const found = page.records.filter(({ value }) => !names?.length || names.includes(value.policyName));
  return { ScalingPolicies: await Promise.all(found.map((record) => describe(context, record))), ...page.next };
};

/** Deletes a policy, with the alarms that target tracking made for it. */
export const deleteScalingPolicy: ScalingOperation<"DeleteScalingPolicy"> = async (input, context) => {
  const { scope, platform } = context;
  const id = scalableId(input);
  const key = scalingPolicyKey(scope, id, input.PolicyName);
  const record = await platform.store.get<ScalingPolicyValue>(key);
  if (record === undefined) throw objectNotFound(`No scaling policy found with the name ${input.PolicyName}`, id);
  const alarms = await trackingAlarmDeletions(platform.store, scope, record.value);
  await platform.store.write([{ op: "delete", key }, ...alarms]);
  return {};
};

type Configuration = Pick<ScalingPolicyValue, "step" | "tracking" | "alarms">;

function configurationOf(input: ScalingInput<"PutScalingPolicy">, before: Configuration | undefined): Configuration {
  const type = input.PolicyType ?? (before?.tracking === undefined ? "StepScaling" : "TargetTrackingScaling");
  const { StepScalingPolicyConfiguration: step, TargetTrackingScalingPolicyConfiguration: tracking } = input;
  if (type === "PredictiveScaling" || input.PredictiveScalingPolicyConfiguration !== undefined) {
    throw invalid("PredictiveScaling is not supported by this version.");
  }
  if (before !== undefined && (type === "StepScaling") !== (before.step !== undefined)) {
    throw invalid("The type of a scaling policy cannot be changed; delete it and make another.");
  }
  if (step !== undefined && tracking !== undefined) {
    throw invalid("StepScalingPolicyConfiguration and TargetTrackingScalingPolicyConfiguration exclude each other.");
  }
  if (type === "StepScaling") return { step: checkStep(step ?? (before?.step as typeof step)) };
  const checked = checkTracking(tracking ?? (before?.tracking as typeof tracking), input.ScalableDimension);
  return { tracking: checked, ...(before?.alarms && { alarms: before.alarms }) };
}

async function checkRoom({ scope, platform }: OperationContext, id: ReturnType<typeof scalableId>): Promise<void> {
  const policies = await recordsOf(platform.store, scope, id, "scaling-policy");
  if (policies.length >= mostPolicies) {
    throw limitExceeded(`There are ${mostPolicies} scaling policies for ${id.resourceId}; there can be no more.`);
  }
}

type Policy = NonNullable<ScalingOutput<"DescribeScalingPolicies">["ScalingPolicies"]>[number];

async function describe(
  context: OperationContext,
  { value, createdAt }: StoredRecord<ScalingPolicyValue>,
): Promise<Policy> {
  return {
    PolicyARN: value.arn,
    PolicyName: value.policyName,
    ServiceNamespace: "sagemaker",
    ResourceId: value.resourceId,
    ScalableDimension: value.dimension,
    PolicyType: value.step === undefined ? "TargetTrackingScaling" : "StepScaling",
    ...(value.step !== undefined && { StepScalingPolicyConfiguration: value.step }),
    ...(value.tracking !== undefined && { TargetTrackingScalingPolicyConfiguration: value.tracking }),
    Alarms: await alarmsOf(context, value),
    CreationTime: new Date(createdAt),
  };
}

async function alarmsOf({ scope, platform }: OperationContext, { arn }: ScalingPolicyValue) {
  const alarms = await alarmsOfAction(platform.store, scope, arn);
  return alarms.map(({ name }) => ({ AlarmName: name, AlarmARN: alarmArn(scope, name) }));
}
