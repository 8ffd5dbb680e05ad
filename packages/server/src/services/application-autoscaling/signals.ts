import type { Clock } from "../../clock.ts";
import type { MetricStore } from "../../metrics/metric-store.ts";
import type { Scope } from "../../scope.ts";
import type { Signal } from "../../serving/scaling/decide.ts";
import type { ScalingPolicyValue } from "../../serving/scaling/scaling-policy.ts";
import type { Store } from "../../store/store.ts";
import { alarmsOfAction, calls } from "../cloudwatch/alarm/alarm-actions.ts";
import { type AlarmRecord, currentAlarm, recentValues } from "../cloudwatch/alarm/current-alarm.ts";

/** What alarms are read from. */
export interface SignalSource {
  readonly store: Store;
  readonly metrics: MetricStore;
  readonly clock: Clock;
}

/** Of policies that do not say. */
export const defaultCooldownSeconds = 300;

/** What a policy makes of its alarms now. */
export async function signalsOf(source: SignalSource, scope: Scope, policy: ScalingPolicyValue): Promise<Signal[]> {
  const alarms: AlarmRecord[] = [];
  for (const alarm of await alarmsOfAction(source.store, scope, policy.arn)) {
    alarms.push(await currentAlarm(source, scope, alarm));
  }
  return policy.tracking === undefined
    ? await stepSignals(source, scope, policy, alarms)
    : await trackingSignals(source, scope, policy, alarms);
}

async function stepSignals(
  source: SignalSource,
  scope: Scope,
  { step, arn, policyName }: ScalingPolicyValue,
  alarms: readonly AlarmRecord[],
): Promise<Signal[]> {
  const signals: Signal[] = [];
  for (const { name, value } of alarms) {
    if (step === undefined || !calls(value, arn)) continue;
    const { spec, state } = value;
    const { values } = await recentValues(source.metrics, scope, spec, source.clock.now());
    const latest = values.findLast((each) => each !== undefined);
    signals.push({
      kind: "step",
      policy: policyName,
      cause: causeOf(name, state, policyName),
      rule: step as Extract<Signal, { kind: "step" }>["rule"],
      cooldownMs: (step.Cooldown ?? defaultCooldownSeconds) * 1_000,
      // An alarm that was set by hand may have no data: then it is as if its metric were at the threshold.
      breach: latest === undefined ? 0 : latest - (spec.Threshold ?? 0),
      isBelow: spec.ComparisonOperator?.startsWith("Less") === true,
    });
  }
  return signals;
}

async function trackingSignals(
  source: SignalSource,
  scope: Scope,
  { tracking, alarms: own, policyName }: ScalingPolicyValue,
  alarms: readonly AlarmRecord[],
): Promise<Signal[]> {
  const find = (name: string | undefined) =>
    alarms.find((alarm) => alarm.name === name && alarm.value.state === "ALARM");
  const [high, low] = [find(own?.high), find(own?.low)];
  const alarm = high ?? low;
  const mayGoIn = tracking?.DisableScaleIn !== true;
  if (tracking === undefined || alarm === undefined) return mayGoIn ? [{ kind: "keep" }] : [];
  const { values, lastBegan } = await recentValues(source.metrics, scope, alarm.value.spec, source.clock.now());
  const known = values.filter((value) => value !== undefined);
  const target = tracking.TargetValue as number;
  // Out by what is needed now; in by the most that was needed while the alarm went off. Set by hand without data, an alarm is
  // as it would be just beyond its threshold.
  const measured = high === undefined ? Math.max(...known) : (known.at(-1) ?? Number.NEGATIVE_INFINITY);
  const value = Number.isFinite(measured) ? measured : (alarm.value.spec.Threshold ?? target);
  const seconds = high === undefined ? tracking.ScaleInCooldown : tracking.ScaleOutCooldown;
  return [
    {
      kind: high === undefined ? "in" : "out",
      policy: policyName,
      cause: causeOf(alarm.name, "ALARM", policyName),
      cooldownMs: (seconds ?? defaultCooldownSeconds) * 1_000,
      ratio: value / target,
      measuredSince: lastBegan * 1_000,
    },
    ...(high !== undefined && mayGoIn ? [{ kind: "keep" } as const] : []),
  ];
}

function causeOf(alarm: string, state: string, policy: string): string {
  return `monitor alarm ${alarm} in state ${state} triggered policy ${policy}`;
}
