import type { AlarmValue, Verdict } from "./alarm.ts";

type Spec = AlarmValue["spec"];

const comparisons: Readonly<Record<string, (value: number, threshold: number) => boolean>> = {
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  GreaterThanThreshold: (value, threshold) => value > threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
  LessThanOrEqualToThreshold: (value, threshold) => value <= threshold,
};

const words: Readonly<Record<string, string>> = {
  GreaterThanOrEqualToThreshold: "greater than or equal to",
  GreaterThanThreshold: "greater than",
  LessThanThreshold: "less than",
  LessThanOrEqualToThreshold: "less than or equal to",
};

/** Whether a comparison is one of a value with a fixed threshold. */
export function isComparison(operator: string | undefined): boolean {
  return operator !== undefined && Object.hasOwn(comparisons, operator);
}

/**
 * "M out of N": an alarm is in ALARM while at least DatapointsToAlarm of the last EvaluationPeriods breach its threshold.
 * @param values - One for each of the last EvaluationPeriods, the oldest first; `undefined` where there was no data.
 * @param before - Kept where missing data is to be ignored and there is nothing else.
 */
export function evaluateAlarm(spec: Spec, values: readonly (number | undefined)[], before: Verdict): Verdict {
  const { Threshold: threshold = 0, TreatMissingData: missing = "missing", ComparisonOperator: operator = "" } = spec;
  const needed = spec.DatapointsToAlarm ?? spec.EvaluationPeriods ?? 1;
  const breaches = comparisons[operator] as (value: number, threshold: number) => boolean;
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0 && missing === "ignore") return before;
  if (known.length === 0 && missing === "missing") {
    return { state: "INSUFFICIENT_DATA", reason: `Insufficient Data: ${values.length} datapoints were unknown.` };
  }
  const breaching = known.filter((value) => breaches(value, threshold)).length;
  const counted = breaching + (missing === "breaching" ? values.length - known.length : 0);
  const found = `${counted} out of the last ${values.length} datapoints [${values.map((value) => value ?? "missing").join(", ")}]`;
  const compared = `${words[operator]} the threshold (${threshold})`;
  return counted >= needed
    ? {
        state: "ALARM",
        reason: `Threshold Crossed: ${found} were ${compared} (minimum ${needed} for OK -> ALARM transition).`,
      }
    : {
        state: "OK",
        reason: `Threshold Crossed: only ${found} were ${compared} (minimum ${needed} for OK -> ALARM transition).`,
      };
}
