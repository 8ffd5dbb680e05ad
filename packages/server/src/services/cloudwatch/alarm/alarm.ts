import type { PutMetricAlarmCommandInput } from "@aws-sdk/client-cloudwatch";

export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";

/** The value of an `alarm` record. */
export interface AlarmValue {
  readonly arn: string;
  /** PutMetricAlarm's input, tags excepted. */
  readonly spec: Omit<PutMetricAlarmCommandInput, "Tags" | "EvaluationWindow" | "EvaluationCriteria">;
  readonly state: AlarmState;
  readonly reason: string;
  /** When the state changed last, milliseconds since 1970. */
  readonly stateSince: number;
  /** SetAlarmState holds until then, milliseconds since 1970; evaluation decides afterwards. */
  readonly heldUntil?: number;
}

/** What the evaluation of an alarm comes to. */
export interface Verdict {
  readonly state: AlarmState;
  readonly reason: string;
}
