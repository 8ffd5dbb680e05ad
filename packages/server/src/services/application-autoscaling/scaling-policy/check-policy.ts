import { stepsProblem } from "../../../serving/scaling/step-adjustment.ts";
import { statisticNamed } from "../../cloudwatch/statistic.ts";
import { invalid } from "../errors.ts";
import type { ScalingInput } from "../operation.ts";
import { dimensionOfPredefined } from "./tracking-alarms.ts";

type Input = ScalingInput<"PutScalingPolicy">;
type Step = NonNullable<Input["StepScalingPolicyConfiguration"]>;
type Tracking = NonNullable<Input["TargetTrackingScalingPolicyConfiguration"]>;

/** Longest list of steps. */
const mostSteps = 20;

/** @throws ValidationException for the first rule that a step policy breaks. */
export function checkStep(step: Step | undefined): Step {
  if (step === undefined) throw invalid("StepScalingPolicyConfiguration must be specified for PolicyType StepScaling.");
  if (step.AdjustmentType === undefined) throw invalid("AdjustmentType must be specified for step scaling.");
  const steps = step.StepAdjustments ?? [];
  if (steps.length === 0) throw invalid("At least one StepAdjustment must be specified.");
  if (steps.length > mostSteps) throw invalid(`There may be at most ${mostSteps} step adjustments.`);
  if (step.MinAdjustmentMagnitude !== undefined && step.AdjustmentType !== "PercentChangeInCapacity") {
    throw invalid("MinAdjustmentMagnitude can only be specified for AdjustmentType PercentChangeInCapacity.");
  }
  if (step.AdjustmentType === "ExactCapacity" && steps.some(({ ScalingAdjustment }) => ScalingAdjustment < 0)) {
    throw invalid("ScalingAdjustment must not be negative for AdjustmentType ExactCapacity.");
  }
  checkCooldown("Cooldown", step.Cooldown);
  const problem = stepsProblem(steps);
  if (problem !== undefined) throw invalid(problem);
  return step;
}

/** @throws ValidationException for the first rule that target tracking breaks. */
export function checkTracking(tracking: Tracking | undefined, dimension: string): Tracking {
  if (tracking === undefined) {
    throw invalid("TargetTrackingScalingPolicyConfiguration must be specified for PolicyType TargetTrackingScaling.");
  }
  const { PredefinedMetricSpecification: predefined, CustomizedMetricSpecification: custom } = tracking;
  if ((predefined === undefined) === (custom === undefined)) {
    throw invalid("Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified.");
  }
  if (!(tracking.TargetValue > 0)) throw invalid("TargetValue must be greater than 0.");
  checkCooldown("ScaleOutCooldown", tracking.ScaleOutCooldown);
  checkCooldown("ScaleInCooldown", tracking.ScaleInCooldown);
  if (predefined !== undefined) checkPredefined(predefined, dimension);
  if (custom !== undefined) checkCustom(custom);
  return tracking;
}

function checkPredefined(
  { PredefinedMetricType: type, ResourceLabel: label }: NonNullable<Tracking["PredefinedMetricSpecification"]>,
  dimension: string,
): void {
  if (dimensionOfPredefined(type) !== dimension) {
    throw invalid(`The predefined metric type ${type} is not supported for scalable dimension ${dimension}.`);
  }
  if (label !== undefined) throw invalid(`ResourceLabel must not be specified for predefined metric type ${type}.`);
}

function checkCustom(custom: NonNullable<Tracking["CustomizedMetricSpecification"]>): void {
  if (custom.Metrics !== undefined)
    throw invalid("CustomizedMetricSpecification.Metrics is not supported by this version.");
  for (const member of ["MetricName", "Namespace", "Statistic"] as const) {
    if (custom[member] === undefined) throw invalid(`CustomizedMetricSpecification.${member} must be specified.`);
  }
  statisticNamed(custom.Statistic as string);
}

function checkCooldown(member: string, seconds: number | undefined): void {
  if (seconds !== undefined && seconds < 0) throw invalid(`${member} must not be negative.`);
}
