import {
  noProgress,
  type Objective,
  objectiveStatus,
  type Progress,
  type StatusCount,
  type TuningTrial,
  usableObjective,
} from "./tuning-job.ts";

/** Improvement on the best objective that counts, as a share of it. */
const leastImprovement = 0.01;
/** Trials in a row without improvement after which the search counts as converged; fewer may just have had bad luck. */
const convergedAfter = 20;

/** What has come of all trials. @param before - What had come of them when they were last looked at. */
export function progressOf(
  trials: Iterable<TuningTrial>,
  type: Objective["Type"],
  before: Progress,
  now: number,
): Progress {
  const statuses: Record<StatusCount, number> = { ...noProgress.statuses };
  const objectives = { ...noProgress.objectives };
  const ended: TuningTrial[] = [];
  let launched = 0;
  for (const trial of trials) {
    launched += 1;
    statuses[countOf(trial)] += 1;
    objectives[objectiveStatus(trial)] += 1;
    if (trial.endedAt !== undefined) ended.push(trial);
  }
  ended.sort((a, b) => (a.endedAt as number) - (b.endedAt as number) || a.trial - b.trial);
  const { best, notImproving } = streak(ended, type);
  const convergedAt = before.convergedAt ?? (notImproving >= convergedAfter ? now : undefined);
  return {
    ...{ launched, statuses, objectives, notImproving },
    ...(best && { best }),
    ...(convergedAt !== undefined && { convergedAt }),
  };
}

/** Which counter a trial is in. */
function countOf({ status, failureReason = "" }: TuningTrial): StatusCount {
  if (status === "Completed" || status === "Stopped") return status;
  if (status !== "Failed") return "InProgress";
  return /^(InternalServerError|CapacityError)/.test(failureReason) ? "RetryableError" : "NonRetryableError";
}

/** Of trials in the order of their ends: the best, and how many since did not improve on it by enough. */
function streak(ended: readonly TuningTrial[], type: Objective["Type"]) {
  let best: { trial: number; value: number } | undefined;
  /** The value that the next must beat by enough: small gains that add up are not passed over. */
  let mark: number | undefined;
  let notImproving = 0;
  for (const trial of ended) {
    const value = usableObjective(trial);
    if (value === undefined) continue;
    if (!best || isBetter(value, best.value, type)) best = { trial: trial.trial, value };
    const needed = mark === undefined ? undefined : Math.abs(mark) * leastImprovement;
    const gained = mark === undefined ? 0 : type === "Maximize" ? value - mark : mark - value;
    if (needed === undefined || (gained >= needed && gained > 0)) {
      mark = value;
      notImproving = 0;
    } else {
      notImproving += 1;
    }
  }
  return { best, notImproving };
}

/** Whether an objective is better than another. */
export function isBetter(value: number, than: number, type: Objective["Type"]): boolean {
  return type === "Maximize" ? value > than : value < than;
}
