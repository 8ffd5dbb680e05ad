import { randomBytes } from "node:crypto";
import { type ScalableTargetValue, scalableTargetKey } from "../../../serving/scaling/scalable-target.ts";
import { WriteConflict } from "../../../store/store.ts";
import { initialTags } from "../../sagemaker/tags/tags-record.ts";
import { invalid } from "../errors.ts";
import type { ScalingInput, ScalingOperation } from "../operation.ts";
import { scalableId } from "../scalable-id.ts";
import { scalableResources } from "../scalable-resources.ts";

/**
 * Makes something scalable, or changes its bounds and what is suspended. Capacity outside the bounds is brought within them.
 * @throws ValidationException when it is not there, cannot be scaled, or the bounds contradict each other.
 */
export const registerScalableTarget: ScalingOperation<"RegisterScalableTarget"> = async (input, context) => {
  const { scope, platform } = context;
  const id = scalableId(input);
  const state = await scalableResources[id.dimension].read(platform.store, scope, id.resourceId);
  if (state === undefined) throw invalid(`Resource ID ${id.resourceId} does not exist, or is being deleted.`);
  if (state.refusal !== undefined) throw invalid(state.refusal);
  const key = scalableTargetKey(scope, id);
  const before = await platform.store.get<ScalableTargetValue>(key);
  const value: ScalableTargetValue = {
    ...(before?.value ?? { ...id, arn: newArn(scope), incarnation: state.incarnation }),
    ...bounds(id.dimension, input, before?.value),
    incarnation: state.incarnation,
    roleArn: input.RoleARN ?? before?.value.roleArn ?? serviceRole(scope.partition, scope.account, id.dimension),
    suspended: suspendedOf(input, before?.value),
  };
  try {
    await platform.store.write(
      before === undefined
        ? [{ op: "create", key, value }, initialTags(scope, value.arn, tagsOf(input.Tags))]
        : [{ op: "update", key, version: before.version, value }],
    );
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    // Another caller or the scaling itself was faster: look at what is there now.
    return await registerScalableTarget(input, context);
  }
  return { ScalableTargetARN: value.arn };
};

type Input = ScalingInput<"RegisterScalableTarget">;

function bounds(
  dimension: ScalableTargetValue["dimension"],
  input: Input,
  before: ScalableTargetValue | undefined,
): { min: number; max: number } {
  const [min, max] = [input.MinCapacity ?? before?.min, input.MaxCapacity ?? before?.max];
  if (min === undefined || max === undefined) {
    throw invalid("MinCapacity and MaxCapacity are both required to register a new scalable target.");
  }
  return checkBounds(dimension, min, max);
}

/** @throws ValidationException when there is nothing between them. */
export function checkBounds(
  dimension: ScalableTargetValue["dimension"],
  min: number,
  max: number,
): { min: number; max: number } {
  // None at all is another kind of variant: nothing would be there to scale out from.
  const least = dimension === "sagemaker:variant:DesiredProvisionedConcurrency" ? 1 : 0;
  if (min < least) throw invalid(`Minimum capacity must be greater than or equal to ${least}`);
  if (max < min) throw invalid("Maximum capacity cannot be less than minimum capacity");
  return { min, max };
}

function suspendedOf({ SuspendedState: asked }: Input, before: ScalableTargetValue | undefined) {
  const now = before?.suspended;
  return {
    in: asked?.DynamicScalingInSuspended ?? now?.in ?? false,
    out: asked?.DynamicScalingOutSuspended ?? now?.out ?? false,
    scheduled: asked?.ScheduledScalingSuspended ?? now?.scheduled ?? false,
  };
}

function tagsOf(tags: Readonly<Record<string, string>> | undefined) {
  return Object.entries(tags ?? {}).map(([Key, Value]) => ({ Key, Value }));
}

function newArn({ partition, region, account }: { partition: string; region: string; account: string }): string {
  return `arn:${partition}:application-autoscaling:${region}:${account}:scalable-target/${randomBytes(18).toString("hex")}`;
}

/** The role that the service makes for itself. */
function serviceRole(partition: string, account: string, dimension: ScalableTargetValue["dimension"]): string {
  const what = dimension.startsWith("sagemaker:variant:") ? "Endpoint" : "InferenceComponent";
  return `arn:${partition}:iam::${account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMaker${what}`;
}
