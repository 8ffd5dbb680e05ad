import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CustomerError } from "../../job/errors.ts";
import { readDelimited } from "../data/delimited.ts";
import { columnOf, type RawTable } from "../data/raw-table.ts";
import { dataFiles } from "../data-files.ts";
import type { FeatureStyle } from "../features/feature-spec.ts";
import type { LearnerName } from "../learners/learner.ts";
import type { MetricName } from "../metrics/metric-names.ts";
import type { Problem } from "../problem.ts";
import type { ColumnProfile } from "./column-types.ts";
import { labelsOf } from "./resolve-problem.ts";

/** A model of a candidate: the algorithm and its settings, over the algorithm's defaults. */
export interface Member {
  readonly learner: LearnerName;
  readonly settings: Readonly<Record<string, number>>;
}

/** A candidate that is an ensemble of some models. */
export interface CandidatePlan {
  readonly name: string;
  readonly members: readonly Member[];
}

/** A way to make features, for candidates of one algorithm whose hyperparameters are searched. */
export interface PipelinePlan {
  /** `dpp0` */
  readonly name: string;
  readonly style: FeatureStyle;
  readonly learner: LearnerName;
  /** What is searched, as a tuning job is told. */
  readonly ranges: readonly SearchRange[];
}

/** Values that a search may try. */
export interface SearchRange {
  readonly name: string;
  readonly type: "Integer" | "Continuous";
  readonly min: number;
  readonly max: number;
  readonly scaling: "Linear" | "Logarithmic";
}

/** What is found out and decided about a job's data before anything is trained. Kept as `analysis.json` beside the data. */
export interface Analysis {
  readonly version: 1;
  readonly problem: Problem;
  readonly objective: MetricName;
  readonly mode: "ENSEMBLING" | "HYPERPARAMETER_TUNING";
  /** Every column but the target. */
  readonly profiles: readonly ColumnProfile[];
  /** The columns of a request, in order: all of the data but the target. */
  readonly inputs: readonly string[];
  readonly rows: { readonly train: number; readonly validation: number };
  /** Of ensembles. */
  readonly candidates: readonly CandidatePlan[];
  /** Of searches. */
  readonly pipelines: readonly PipelinePlan[];
  /** What the owner of the data should know. */
  readonly notes: readonly string[];
}

/** Rows as text, with what they are labelled with. */
export interface LabelledTable {
  readonly table: RawTable;
  readonly labels: Float64Array;
}

/** Reads what the analysis left. @throws CustomerError when it is not there. */
export function readAnalysis(directory: string): Analysis {
  try {
    return JSON.parse(readFileSync(join(directory, dataFiles.analysis), "utf8")) as Analysis;
  } catch (error) {
    throw new CustomerError(`${dataFiles.analysis} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Reads the rows for training or for validation. */
export function readRows(directory: string, split: "train" | "validation", { problem }: Analysis): LabelledTable {
  const file = dataFiles[split];
  const table = readDelimited(readFileSync(join(directory, file), "utf8"), { file, hasHeader: true });
  return { table, labels: labelsOf(problem, columnOf(table, problem.target)) };
}
