import type { DenseRows } from "../../formats/rows.ts";
import type { JobLog } from "../../job/job-log.ts";
import type { MetricName } from "../metrics/metric-names.ts";
import type { Problem } from "../problem.ts";

/** The algorithms that candidates are made of, by the API's names. */
export const learnerNames = ["xgboost", "linear-learner", "randomforest"] as const;
export type LearnerName = (typeof learnerNames)[number];

/** Rows of numbers and what they are labelled with. */
export interface Labelled {
  readonly rows: DenseRows;
  /** Numbers of classes, or values. */
  readonly labels: Float32Array;
}

/** What a learner is trained with. */
export interface LearnerJob {
  readonly problem: Problem;
  readonly train: Labelled;
  /** What tells when to stop: no row of it is learned from. */
  readonly watched: Labelled;
  /** What candidates are judged by, where a learner can aim at it. */
  readonly objective: MetricName;
  /** By the learner's own names, over its defaults. */
  readonly settings: Readonly<Record<string, number>>;
  /** Where its model goes; an empty folder. */
  readonly directory: string;
  /** XGBoost's. */
  readonly library: string | undefined;
  readonly cpus: number;
  readonly memoryBytes: number | undefined;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly log: JobLog;
}

/** A trained model. */
export interface LearnedModel {
  /** @returns Shape (rows, width) of `widthOf`. */
  predict(rows: DenseRows): Float64Array;
}

/** One way to learn. */
export interface Learner {
  readonly name: LearnerName;
  /** Trains and writes a model. @throws The signal's reason when it aborts before there is one. */
  fit(job: LearnerJob): Promise<void>;
  /** Reads what `fit` wrote. */
  load(directory: string, problem: Problem, library: string | undefined): Promise<LearnedModel>;
}
