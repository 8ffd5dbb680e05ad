import type { JobLog } from "../job/job-log.ts";
import type { Candidate } from "./candidates.ts";
import type { Quality } from "./quality.ts";
import type { Settings } from "./settings.ts";
import type { SplitName } from "./survey.ts";

/** What one epoch gave; losses per model. */
export interface EpochResult {
  readonly epoch: number;
  readonly epochs: number;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly rows: number;
  /** In scaled units. */
  readonly train: Float64Array;
  /** In label units. */
  readonly validation: Float64Array | undefined;
  readonly criterion: { readonly name: string; readonly value: number };
}

/** Prints an epoch's lines: per-model metrics, model 0's objective, the stopping criterion, progress and speed. */
export function reportEpoch(log: JobLog, objective: string, result: EpochResult): void {
  const { epoch, epochs, train, validation } = result;
  for (const [split, losses] of [
    ["train", train],
    ["validation", validation],
  ] as const) {
    losses?.forEach((value, model) => {
      log.metrics({
        startTime: result.startedAt.getTime() / 1000,
        endTime: result.endedAt.getTime() / 1000,
        dimensions: { Operation: "training", epoch, model },
        metrics: { [`${split}_${objective}`]: { sum: value, count: 1, min: value, max: value } },
      });
    });
    const first = losses?.[0];
    if (first !== undefined) log.qualityMetric({ epoch, split, name: objective, kind: "loss", value: first });
  }
  log.earlyStoppingCriteria(epoch, result.criterion.name, result.criterion.value);
  log.progress(Math.floor((100 * (epoch + 1)) / epochs));
  const seconds = Math.max(1e-3, (result.endedAt.getTime() - result.startedAt.getTime()) / 1000);
  log.throughput(result.rows / seconds);
}

/** Prints the winner's settings in the recorded form. */
export function reportBest(log: JobLog, settings: Settings, candidate: Candidate): void {
  const best = {
    optimizer: settings.optimizer,
    learning_rate: candidate.learningRate,
    l1: candidate.l1,
    wd: candidate.wd,
    lr_scheduler_step: candidate.schedulerStep,
    lr_scheduler_factor: candidate.schedulerFactor,
    lr_scheduler_minimum_lr: candidate.schedulerMinimum,
  };
  log.info(`Best model found for hyperparameters: ${JSON.stringify(best)}`);
}

/** Prints a split's final figures: the older score lines for held-out splits, then the metrics. */
export function reportFinal(log: JobLog, split: SplitName, qualities: readonly Quality[]): void {
  if (split !== "train") for (const { name, value } of qualities) log.score(split, name, value);
  for (const { name, kind, value } of qualities) log.qualityMetric({ split, name, kind, value });
}
