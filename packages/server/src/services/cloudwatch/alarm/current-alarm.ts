import type { Clock } from "../../../clock.ts";
import type { MetricStore } from "../../../metrics/metric-store.ts";
import type { Scope } from "../../../scope.ts";
import { type RecordKey, type Store, type StoredRecord, WriteConflict } from "../../../store/store.ts";
import { readDimensions } from "../dimensions.ts";
import { statisticNamed } from "../statistic.ts";
import type { AlarmValue } from "./alarm.ts";
import { evaluateAlarm } from "./evaluate.ts";

/** Metrics may reach the store this much later than they came. */
const lateSeconds = 10;

export type AlarmRecord = StoredRecord<AlarmValue>;

/** The key of an alarm's record. */
export function alarmKey({ account, region }: Scope, name: string): RecordKey {
  return { account, region, kind: "alarm", name };
}

/** The ARN of an alarm. */
export function alarmArn({ partition, account, region }: Scope, name: string): string {
  return `arn:${partition}:cloudwatch:${region}:${account}:alarm:${name}`;
}

/**
 * An alarm in the state that its metric has it in now. Alarms are evaluated when somebody looks, be it a person, a
 * deployment or a scaling policy. A change of state is kept in the record.
 */
export async function currentAlarm(
  { store, metrics, clock }: { readonly store: Store; readonly metrics: MetricStore; readonly clock: Clock },
  scope: Scope,
  record: AlarmRecord,
): Promise<AlarmRecord> {
  const { value } = record;
  const now = clock.now();
  if (value.heldUntil !== undefined && now < value.heldUntil) return record;
  const { values } = await recentValues(metrics, scope, value.spec, now);
  const verdict = evaluateAlarm(value.spec, values, value);
  if (verdict.state === value.state) return { ...record, value: { ...value, reason: verdict.reason } };
  const { heldUntil: _over, ...kept } = value;
  const changed: AlarmValue = { ...kept, ...verdict, stateSince: now };
  const key = alarmKey(scope, record.name);
  try {
    await store.write([{ op: "update", key, version: record.version, value: changed }]);
  } catch (error) {
    // Somebody else saw the same, or changed the alarm itself: the next look tells.
    if (!(error instanceof WriteConflict)) throw error;
  }
  return { ...record, value: changed };
}

/** The first of some alarms that is in ALARM; those that are not there are not. */
export async function firstInAlarm(
  parts: { readonly store: Store; readonly metrics: MetricStore; readonly clock: Clock },
  scope: Scope,
  names: readonly string[],
): Promise<string | undefined> {
  for (const name of names) {
    const record = await parts.store.get<AlarmValue>(alarmKey(scope, name));
    if (record !== undefined && (await currentAlarm(parts, scope, record)).value.state === "ALARM") return name;
  }
  return undefined;
}

/** What an alarm goes by. */
export interface RecentValues {
  /** One value for each of the last periods that are over, the oldest first. */
  readonly values: readonly (number | undefined)[];
  /** When the last of them began, seconds since 1970. */
  readonly lastBegan: number;
}

/** Reads the values that an alarm goes by. */
export async function recentValues(
  metrics: MetricStore,
  scope: Scope,
  spec: AlarmValue["spec"],
  now: number,
): Promise<RecentValues> {
  const { Period: period = 60, EvaluationPeriods: count = 1 } = spec;
  const statistic = statisticNamed(spec.Statistic ?? spec.ExtendedStatistic ?? "Average");
  const to = Math.floor((now / 1_000 - lateSeconds) / period) * period;
  const from = to - count * period;
  const periods = await metrics.statistics({
    ...{ scope, namespace: spec.Namespace ?? "", name: spec.MetricName ?? "", from, to, period },
    dimensions: readDimensions(spec.Dimensions as Parameters<typeof readDimensions>[0]),
    ...(spec.Unit !== undefined && { unit: spec.Unit }),
  });
  const values = Array.from({ length: count }, (_, index) => {
    const found = periods.find(({ at }) => at === from + index * period);
    return found && statistic(found.values);
  });
  return { values, lastBegan: to - period };
}
