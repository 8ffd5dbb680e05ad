import { isBetter } from "./counters.ts";
import { objectiveType } from "./definitions.ts";
import type { Ending, Progress, TuningConfig, TuningJob } from "./tuning-job.ts";

/** Thirty days, the longest that a tuning job runs. */
const longestSeconds = 30 * 24 * 3600;
/** Trials that fail, or have no objective, before it is clear that all will. */
const hopelessAfter = 5;

/** What to do next for a tuning job. */
export type Move =
  | { readonly kind: "launch"; readonly count: number }
  /** It ends, but trials still run. */
  | { readonly kind: "wind-up"; readonly ending: Ending }
  | { readonly kind: "end"; readonly ending: Ending }
  | { readonly kind: "wait" };

/** What the decision rests on. Times are milliseconds since 1970. */
export interface Situation {
  readonly job: Pick<TuningJob, "spec" | "ending">;
  readonly status: string | undefined;
  readonly progress: Progress;
  /** Whether there is nothing left to try. */
  readonly isExhausted: boolean;
  readonly createdAt: number;
  readonly now: number;
}

/** Decides. */
export function nextMove(situation: Situation): Move {
  const { job, status, progress, isExhausted } = situation;
  const running = progress.statuses.InProgress;
  const ending = status === "Stopping" ? ({ status: "Stopped" } as const) : (job.ending ?? whyEnd(situation));
  if (ending) return running === 0 ? { kind: "end", ending } : { kind: "wind-up", ending };
  const limits = configOf(job).ResourceLimits;
  const left = isExhausted ? 0 : (limits?.MaxNumberOfTrainingJobs ?? Number.POSITIVE_INFINITY) - progress.launched;
  const count = Math.min(left, (limits?.MaxParallelTrainingJobs ?? 1) - running);
  if (count > 0) return { kind: "launch", count };
  return running > 0 ? { kind: "wait" } : { kind: "end", ending: atTheEnd(progress) };
}

function configOf({ spec }: Pick<TuningJob, "spec">): TuningConfig {
  return spec.HyperParameterTuningJobConfig as TuningConfig;
}

/** The first reason to start no more trials and to stop those that run. */
function whyEnd({ job, progress, createdAt, now }: Situation): Ending | undefined {
  const { ResourceLimits, TuningJobCompletionCriteria: criteria } = configOf(job);
  const type = objectiveType(job.spec);
  const seconds = ResourceLimits?.MaxRuntimeInSeconds ?? longestSeconds;
  const hopeless = whyHopeless(progress);
  if (hopeless) return hopeless;
  const target = criteria?.TargetObjectiveMetricValue;
  const best = progress.best?.value;
  const isReached = target !== undefined && best !== undefined && !isBetter(target, best, type);
  const patience = criteria?.BestObjectiveNotImproving?.MaxNumberOfTrainingJobsNotImproving;
  const isStuck = patience !== undefined && progress.notImproving >= patience;
  const endsConverged = criteria?.ConvergenceDetected?.CompleteOnConvergence === "Enabled";
  const isConverged = endsConverged && progress.convergedAt !== undefined;
  if (isReached || isStuck || isConverged) return { status: "Completed" };
  // Trials that still run may be all there is.
  return now >= createdAt + seconds * 1000 ? { status: "Completed" } : undefined;
}

function whyHopeless({ statuses, objectives, launched }: Progress): Ending | undefined {
  if (statuses.NonRetryableError >= hopelessAfter && statuses.NonRetryableError + statuses.InProgress === launched) {
    return allFailed;
  }
  if (objectives.Failed >= hopelessAfter && objectives.Succeeded === 0 && statuses.Completed >= hopelessAfter) {
    return withoutObjective(objectives.Failed);
  }
  return undefined;
}

/** Every trial that was wanted has ended. */
function atTheEnd({ statuses, objectives, launched }: Progress): Ending {
  if (launched > 0 && statuses.RetryableError + statuses.NonRetryableError === launched) return allFailed;
  if (launched > 0 && statuses.Completed > 0 && objectives.Succeeded === 0) return withoutObjective(objectives.Failed);
  return { status: "Completed" };
}

const allFailed: Ending = {
  status: "Failed",
  failureReason: "All training jobs failed. Please take a look at the training jobs failures to get more details.",
};

function withoutObjective(count: number): Ending {
  return {
    status: "Failed",
    failureReason: `No objective metrics found after running ${count} training jobs. Please ensure that the custom algorithm is emitting the objective metric as defined by the regular expression provided.`,
  };
}
