import { interruptedAt, type SpotPolicy } from "../../../spot-policy.ts";
import { runPrefix, type TrainingJobRecord } from "./training-job.ts";

/** SageMaker's default for StoppingCondition.MaxRuntimeInSeconds. */
export const defaultMaxRuntimeSeconds = 86_400;

/** Something that time alone brings about, and when: milliseconds since 1970. */
export interface Deadline {
  readonly what: "max-runtime" | "max-wait" | "interruption";
  readonly at: number;
}

/** When a spot job has waited and run for as long as it may, all attempts together; `Infinity` for any other job. */
export function waitDeadline({ createdAt, value: { spec } }: TrainingJobRecord): number {
  const seconds = spec.EnableManagedSpotTraining && spec.StoppingCondition?.MaxWaitTimeInSeconds;
  return seconds ? createdAt + seconds * 1000 : Number.POSITIVE_INFINITY;
}

/** When a job has waited for room for as long as it may; `Infinity` when it set no limit. */
export function pendingDeadline({ createdAt, value: { spec, transitions } }: TrainingJobRecord): number {
  const seconds = spec.StoppingCondition?.MaxPendingTimeInSeconds;
  const since = transitions.findLast(({ status }) => status !== "Starting")?.endedAt ?? createdAt;
  return seconds ? since + seconds * 1000 : Number.POSITIVE_INFINITY;
}

/**
 * What time brings first to a job whose hosts all train.
 * @param startedAt - When the first host began, milliseconds since 1970.
 */
export function trainingDeadline(record: TrainingJobRecord, startedAt: number, policy: SpotPolicy): Deadline {
  const { spec, ranBeforeMs } = record.value;
  const limitMs = (spec.StoppingCondition?.MaxRuntimeInSeconds ?? defaultMaxRuntimeSeconds) * 1000;
  const deadlines: Deadline[] = [
    { what: "max-runtime", at: startedAt + limitMs - ranBeforeMs },
    { what: "max-wait", at: waitDeadline(record) },
  ];
  if (spec.EnableManagedSpotTraining) {
    deadlines.push({ what: "interruption", at: interruptedAt(policy, runPrefix(record), startedAt) });
  }
  return deadlines.reduce((first, each) => (each.at < first.at ? each : first));
}
