import { expect, test } from "vitest";
import type { AlarmState, AlarmValue } from "./alarm.ts";
import { evaluateAlarm } from "./evaluate.ts";

const base: AlarmValue["spec"] = {
  AlarmName: "a",
  EvaluationPeriods: 3,
  Threshold: 5,
  ComparisonOperator: "GreaterThanThreshold",
};
const before = { state: "OK", reason: "as before" } as const;

test.for<[string, Partial<AlarmValue["spec"]>, (number | undefined)[], AlarmState]>([
  ["all above", {}, [6, 7, 8], "ALARM"],
  ["the threshold itself is not above it", {}, [6, 5, 8], "OK"],
  ["but is at least it", { ComparisonOperator: "GreaterThanOrEqualToThreshold" }, [6, 5, 8], "ALARM"],
  ["below", { ComparisonOperator: "LessThanThreshold" }, [4, 1, -8], "ALARM"],
  ["at most", { ComparisonOperator: "LessThanOrEqualToThreshold" }, [5, 5, 5], "ALARM"],
  ["two of three", { DatapointsToAlarm: 2 }, [6, 1, 8], "ALARM"],
  ["one of three is not two", { DatapointsToAlarm: 2 }, [6, 1, 2], "OK"],
  ["nothing known", {}, [undefined, undefined, undefined], "INSUFFICIENT_DATA"],
  ["nothing known, ignored", { TreatMissingData: "ignore" }, [undefined, undefined, undefined], "OK"],
  ["nothing known, bad", { TreatMissingData: "breaching" }, [undefined, undefined, undefined], "ALARM"],
  ["nothing known, good", { TreatMissingData: "notBreaching" }, [undefined, undefined, undefined], "OK"],
  ["some missing, bad", { TreatMissingData: "breaching" }, [6, undefined, 7], "ALARM"],
  ["some missing", {}, [6, undefined, 7], "OK"],
])("%s", ([, change, values, state]) => {
  expect(evaluateAlarm({ ...base, ...change }, values, before).state).toBe(state);
});

test("the reason names values, counts and the threshold", () => {
  expect(evaluateAlarm({ ...base, DatapointsToAlarm: 1 }, [6, undefined, 2], before).reason).toBe(
    "Threshold Crossed: 1 out of the last 3 datapoints [6, missing, 2] were greater than the threshold (5) (minimum 1 for OK -> ALARM transition).",
  );
});
