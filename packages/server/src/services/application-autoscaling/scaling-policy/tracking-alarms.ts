import { randomUUID } from "node:crypto";
import type { Scope } from "../../../scope.ts";
import { variantOfResource } from "../../../serving/scaling/scalable-target.ts";
import type { ScalingPolicyValue } from "../../../serving/scaling/scaling-policy.ts";
import type { Store, Write } from "../../../store/store.ts";
import type { AlarmValue } from "../../cloudwatch/alarm/alarm.ts";
import { alarmDeletion, alarmWrites } from "../../cloudwatch/alarm/alarm-actions.ts";
import { alarmArn, alarmKey } from "../../cloudwatch/alarm/current-alarm.ts";

type Spec = AlarmValue["spec"];

/** Too much for so many periods in a row, and less than most of it for a quarter of an hour. */
const highPeriods = 3;
const lowSeconds = 15 * 60;
/** Scaling in begins well below the target, or capacity would swing around it. */
const lowShare = 0.9;
const highResolutionSeconds = 10;

interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: readonly { readonly Name: string; readonly Value: string }[];
  readonly statistic: string;
  readonly period: number;
  readonly unit?: string;
}

/** Dimensions of each kind of resource that predefined metrics are of. */
const ofVariant = (resourceId: string): Metric["dimensions"] => {
  const { endpoint = "", variant = "" } = variantOfResource(resourceId) ?? {};
  return [
    { Name: "EndpointName", Value: endpoint },
    { Name: "VariantName", Value: variant },
  ];
};
const ofComponent = (resourceId: string): Metric["dimensions"] => [
  { Name: "InferenceComponentName", Value: resourceId.slice(resourceId.indexOf("/") + 1) },
];

/** Metrics that have a name of their own, and what they are of. */
const predefined = {
  SageMakerVariantInvocationsPerInstance: {
    ...{ of: "sagemaker:variant:DesiredInstanceCount", dimensions: ofVariant },
    ...{ name: "InvocationsPerInstance", statistic: "Sum", period: 60 },
  },
  SageMakerVariantConcurrentRequestsPerModelHighResolution: {
    ...{ of: "sagemaker:variant:DesiredInstanceCount", dimensions: ofVariant },
    ...{ name: "ConcurrentRequestsPerModel", statistic: "Average", period: highResolutionSeconds },
  },
  SageMakerVariantProvisionedConcurrencyUtilization: {
    ...{ of: "sagemaker:variant:DesiredProvisionedConcurrency", dimensions: ofVariant },
    ...{ name: "ServerlessProvisionedConcurrencyUtilization", statistic: "Average", period: 60 },
  },
  SageMakerInferenceComponentInvocationsPerCopy: {
    ...{ of: "sagemaker:inference-component:DesiredCopyCount", dimensions: ofComponent },
    ...{ name: "InvocationsPerCopy", statistic: "Sum", period: 60 },
  },
  SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution: {
    ...{ of: "sagemaker:inference-component:DesiredCopyCount", dimensions: ofComponent },
    ...{ name: "ConcurrentRequestsPerCopy", statistic: "Average", period: highResolutionSeconds },
  },
} as const;

/** What a predefined metric is of; `undefined` when there is no such metric here. */
export function dimensionOfPredefined(type: string): string | undefined {
  return Object.hasOwn(predefined, type) ? predefined[type as keyof typeof predefined].of : undefined;
}

/** Makes a policy's alarms, or changes them: they keep their names. @returns The policy with their names, and the writes. */
export async function trackingAlarms(
  store: Store,
  scope: Scope,
  policy: ScalingPolicyValue,
  now: number,
): Promise<{ policy: ScalingPolicyValue; writes: Write[] }> {
  const { tracking, resourceId, arn, policyName } = policy;
  if (tracking === undefined) return { policy, writes: [] };
  const metric = metricOf(policy);
  const target = tracking.TargetValue as number;
  const name = (which: string): string => `TargetTracking-${resourceId}-Alarm${which}-${randomUUID()}`;
  const alarms = {
    high: policy.alarms?.high ?? name("High"),
    ...(tracking.DisableScaleIn !== true && { low: policy.alarms?.low ?? name("Low") }),
  };
  const specs: Spec[] = [
    specOf(alarms.high, metric, { arn, policyName }, { threshold: target, periods: highPeriods, isHigh: true }),
  ];
  if (alarms.low !== undefined) {
    const bound = { threshold: target * lowShare, periods: lowSeconds / metric.period, isHigh: false };
    specs.push(specOf(alarms.low, metric, { arn, policyName }, bound));
  }
  const writes: Write[] = [];
  for (const spec of specs) {
    const alarm = spec.AlarmName as string;
    const before = await store.get<AlarmValue>(alarmKey(scope, alarm));
    const fresh = { state: "INSUFFICIENT_DATA", reason: "Unchecked: Initial alarm creation", stateSince: now } as const;
    const value: AlarmValue = { ...fresh, ...before?.value, arn: alarmArn(scope, alarm), spec };
    writes.push(...alarmWrites(scope, alarm, before?.value.spec, value));
  }
  // Scaling in was switched off: nobody asks that alarm any more.
  if (alarms.low === undefined && policy.alarms?.low !== undefined) {
    writes.push(...(await deletionOf(store, scope, policy.alarms.low)));
  }
  return { policy: { ...policy, alarms }, writes };
}

/** Deletes the alarms that a policy made for itself. */
export async function trackingAlarmDeletions(
  store: Store,
  scope: Scope,
  { alarms }: ScalingPolicyValue,
): Promise<Write[]> {
  const writes: Write[] = [];
  for (const name of [alarms?.high, alarms?.low]) {
    if (name !== undefined) writes.push(...(await deletionOf(store, scope, name)));
  }
  return writes;
}

async function deletionOf(store: Store, scope: Scope, name: string): Promise<Write[]> {
  const alarm = await store.get<AlarmValue>(alarmKey(scope, name));
  return alarm === undefined ? [] : alarmDeletion(scope, alarm);
}

function metricOf({ tracking, resourceId }: ScalingPolicyValue): Metric {
  const type = tracking?.PredefinedMetricSpecification?.PredefinedMetricType;
  if (type !== undefined) {
    const { name, statistic, period, dimensions } = predefined[type as keyof typeof predefined];
    return { namespace: "AWS/SageMaker", name, statistic, period, dimensions: dimensions(resourceId) };
  }
  const custom = tracking?.CustomizedMetricSpecification;
  return {
    ...{ namespace: custom?.Namespace ?? "", name: custom?.MetricName ?? "", period: 60 },
    ...{ statistic: custom?.Statistic ?? "Average", dimensions: (custom?.Dimensions ?? []) as Metric["dimensions"] },
    ...(custom?.Unit !== undefined && { unit: custom.Unit }),
  };
}

function specOf(
  AlarmName: string,
  metric: Metric,
  { arn, policyName }: Pick<ScalingPolicyValue, "arn" | "policyName">,
  { threshold, periods, isHigh }: { threshold: number; periods: number; isHigh: boolean },
): Spec {
  return {
    AlarmName,
    AlarmDescription: `DO NOT EDIT OR DELETE. For TargetTrackingScaling policy ${policyName} (${arn}).`,
    ActionsEnabled: true,
    AlarmActions: [arn],
    MetricName: metric.name,
    Namespace: metric.namespace,
    Statistic: metric.statistic as NonNullable<Spec["Statistic"]>,
    Dimensions: [...metric.dimensions],
    Period: metric.period,
    ...(metric.unit !== undefined && { Unit: metric.unit as NonNullable<Spec["Unit"]> }),
    EvaluationPeriods: periods,
    Threshold: threshold,
    ComparisonOperator: isHigh ? "GreaterThanThreshold" : "LessThanThreshold",
  };
}
