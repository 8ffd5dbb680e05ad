import { ServiceError } from "../../../errors.ts";
import { InvalidPageToken } from "../../../store/store.ts";
import type { OperationContext } from "../../service.ts";
import { readDimensions } from "../dimensions.ts";
import { invalidParameterCombination, invalidParameterValue, missingRequiredParameter } from "../errors.ts";
import type { CloudWatchInput, CloudWatchOperation } from "../operation.ts";
import { checkPeriod } from "../period.ts";
import { statisticNamed } from "../statistic.ts";
import type { AlarmState, AlarmValue } from "./alarm.ts";
import { alarmDeletion, alarmWrites, checkActions } from "./alarm-actions.ts";
import { type AlarmRecord, alarmArn, alarmKey, currentAlarm } from "./current-alarm.ts";
import { isComparison } from "./evaluate.ts";

/** SetAlarmState is overruled by the next evaluation, as CloudWatch has it: after a minute. */
const heldMs = 60_000;
const longestPeriods = 7 * 24 * 3600;

/** Members of PutMetricAlarm whose meaning is not built: better refused than silently ignored. */
const notYet = ["Metrics", "ThresholdMetricId", "EvaluateLowSampleCountPercentile"] as const;

/**
 * Makes an alarm, or changes one and leaves its state.
 * @throws InvalidParameterValue and others for what cannot be evaluated, by name.
 */
export const putMetricAlarm: CloudWatchOperation<"PutMetricAlarm"> = async (input, context) => {
  const { Tags: _notKept, EvaluationWindow: window, EvaluationCriteria: criteria, ...spec } = input;
  if (window !== undefined) throw invalidParameterValue("EvaluationWindow is not supported by this version.");
  if (criteria !== undefined) throw invalidParameterValue("EvaluationCriteria is not supported by this version.");
  checkAlarm(spec);
  const { scope, platform } = context;
  await checkActions(platform.store, scope, spec);
  const key = alarmKey(scope, spec.AlarmName);
  const before = await platform.store.get<AlarmValue>(key);
  const fresh = {
    state: "INSUFFICIENT_DATA",
    reason: "Unchecked: Initial alarm creation",
    stateSince: platform.clock.now(),
  } as const;
  const value: AlarmValue = { ...fresh, ...before?.value, arn: alarmArn(scope, spec.AlarmName), spec };
  await platform.store.write(alarmWrites(scope, spec.AlarmName, before?.value.spec, value));
  return {};
};

/** One page of alarms, each in the state that it has now. */
export const describeAlarms: CloudWatchOperation<"DescribeAlarms"> = async (input, context) => {
  const { AlarmNames: names, AlarmNamePrefix: prefix, StateValue: state, MaxRecords: limit = 50 } = input;
  if (names !== undefined && prefix !== undefined) {
    throw invalidParameterCombination("AlarmNames and AlarmNamePrefix cannot be given together.");
  }
  const { alarms, next } = names?.length
    ? { alarms: await named(context, names), next: undefined }
    : await page(context, prefix ?? "", limit, input.NextToken);
  const now = await Promise.all(alarms.map((alarm) => currentAlarm(context.platform, context.scope, alarm)));
  const wanted = now.filter(({ value }) => state === undefined || value.state === state);
  return { MetricAlarms: wanted.map(describe), CompositeAlarms: [], ...(next !== undefined && { NextToken: next }) };
};

/** Deletes alarms; all of them must be there. */
export const deleteAlarms: CloudWatchOperation<"DeleteAlarms"> = async (input, context) => {
  const names = [...new Set(input.AlarmNames)];
  const found = await named(context, names);
  const missing = names.filter((name) => !found.some((alarm) => alarm.name === name));
  if (missing.length > 0) throw notFound(missing.join(", "));
  await context.platform.store.write(found.flatMap((alarm) => alarmDeletion(context.scope, alarm)));
  return {};
};

/** Sets an alarm's state by hand, for a minute: to see what it would do. */
export const setAlarmState: CloudWatchOperation<"SetAlarmState"> = async (input, context) => {
  const { scope, platform } = context;
  const key = alarmKey(scope, input.AlarmName);
  const record = await platform.store.get<AlarmValue>(key);
  if (record === undefined) throw notFound(input.AlarmName);
  const now = platform.clock.now();
  const state = input.StateValue as AlarmState;
  const value: AlarmValue = {
    ...record.value,
    ...{ state, reason: input.StateReason, heldUntil: now + heldMs },
    stateSince: state === record.value.state ? record.value.stateSince : now,
  };
  await platform.store.write([{ op: "put", key, value }]);
  return {};
};

function checkAlarm(
  spec: Omit<CloudWatchInput<"PutMetricAlarm">, "Tags" | "EvaluationWindow" | "EvaluationCriteria">,
): void {
  const given: Readonly<Record<string, unknown>> = { ...spec };
  for (const member of notYet) {
    if (given[member] !== undefined) throw invalidParameterValue(`${member} is not supported by this version.`);
  }
  for (const member of ["MetricName", "Namespace", "Period", "Threshold", "EvaluationPeriods"] as const) {
    if (spec[member] === undefined) throw missingRequiredParameter(`The parameter ${member} is required.`);
  }
  const { Statistic: plain, ExtendedStatistic: extended } = spec;
  if ((plain === undefined) === (extended === undefined)) {
    throw invalidParameterCombination("Exactly one of Statistic and ExtendedStatistic must be given.");
  }
  statisticNamed((plain ?? extended) as string);
  readDimensions(spec.Dimensions as Parameters<typeof readDimensions>[0]);
  checkPeriod("Period", spec.Period as number);
  const periods = spec.EvaluationPeriods as number;
  if ((spec.Period as number) * periods > longestPeriods) {
    throw invalidParameterCombination("Period times EvaluationPeriods must not exceed seven days.");
  }
  if ((spec.DatapointsToAlarm ?? 1) > periods) {
    throw invalidParameterCombination("DatapointsToAlarm must not be greater than EvaluationPeriods.");
  }
  if (!isComparison(spec.ComparisonOperator)) {
    throw invalidParameterValue(`ComparisonOperator ${spec.ComparisonOperator} is not supported by this version.`);
  }
  const missing = ["breaching", "notBreaching", "ignore", "missing", undefined];
  if (!missing.includes(spec.TreatMissingData)) {
    throw invalidParameterValue(`TreatMissingData must be one of breaching, notBreaching, ignore, missing.`);
  }
}

async function named({ scope, platform }: OperationContext, names: readonly string[]): Promise<AlarmRecord[]> {
  const found = await Promise.all(names.map((name) => platform.store.get<AlarmValue>(alarmKey(scope, name))));
  return found.filter((alarm) => alarm !== undefined);
}

async function page({ scope, platform }: OperationContext, prefix: string, limit: number, token: string | undefined) {
  try {
    const { records, next } = await platform.store.list<AlarmValue>({
      ...{ kind: "alarm", account: scope.account, region: scope.region, prefix, limit },
      ...(token !== undefined && { token }),
    });
    return { alarms: records, next };
  } catch (error) {
    if (error instanceof InvalidPageToken) throw invalidParameterValue("The value for parameter NextToken is invalid.");
    throw error;
  }
}

function describe({ value, name, modifiedAt }: AlarmRecord) {
  return {
    ...value.spec,
    AlarmName: name,
    AlarmArn: value.arn,
    ActionsEnabled: value.spec.ActionsEnabled ?? true,
    AlarmConfigurationUpdatedTimestamp: new Date(modifiedAt),
    StateValue: value.state,
    StateReason: value.reason,
    StateUpdatedTimestamp: new Date(value.stateSince),
    StateTransitionedTimestamp: new Date(value.stateSince),
  };
}

function notFound(name: string): ServiceError {
  return new ServiceError("ResourceNotFound", `Alarm ${name} not found.`, { status: 404 });
}
