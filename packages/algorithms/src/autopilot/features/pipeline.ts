import type { DenseRows } from "../../formats/rows.ts";
import type { ColumnProfile } from "../analysis/column-types.ts";
import { columnOf, type RawTable } from "../data/raw-table.ts";
import type { Problem } from "../problem.ts";
import { type CategoryEncoder, fitCategory, writeCategory } from "./categories.ts";
import { fitNumber, type NumberEncoder, writeNumber } from "./numbers.ts";
import { fitTargetMeans, outOfFold, type TargetEncoder, writeTargetMeans } from "./target-means.ts";
import { fitText, type TextEncoder, writeText } from "./texts.ts";
import { fitTime, type TimeEncoder, writeTime } from "./times.ts";

/** Which learners features are for: trees take gaps and any scale, linear models neither. */
export type FeatureStyle = "tree" | "linear";

/** Categories up to which each has a column of its own for trees; more are told by what they mean for the target. */
const treeColumns = 12;

type Encoder = NumberEncoder | CategoryEncoder | TargetEncoder | TimeEncoder | TextEncoder;

/** Turns rows of text into rows of numbers. Plain data: it is kept as JSON. */
export interface FeaturePipeline {
  readonly style: FeatureStyle;
  readonly encoders: readonly Encoder[];
  /** Names of the columns that come out. */
  readonly names: readonly string[];
}

/** What a pipeline is fitted on: training rows only. */
export interface FitFeatures {
  readonly table: RawTable;
  /** Numbers of classes, or values; one for each row. */
  readonly labels: Float64Array;
  readonly problem: Problem;
  readonly profiles: readonly ColumnProfile[];
  readonly style: FeatureStyle;
  readonly seed: number;
}

/**
 * Fits a pipeline.
 * @returns It, and the training rows as learners should see them: where a value tells of the target, each row's comes from
 * other rows, or learners would trust it too much.
 */
export function fitFeatures(job: FitFeatures): { pipeline: FeaturePipeline; rows: DenseRows } {
  const encoders = job.profiles
    .filter(({ name, left }) => left === undefined && name !== job.problem.target)
    .flatMap((profile) => encodersOf(profile, job));
  const pipeline: FeaturePipeline = { style: job.style, encoders, names: encoders.flatMap(namesOf) };
  const rows = applyFeatures(pipeline, job.table);
  let at = 0;
  for (const encoder of encoders) {
    if (encoder.kind === "target") outOfFold(encoder, columnOf(job.table, encoder.column), job, rows, at);
    at += namesOf(encoder).length;
  }
  return { pipeline, rows };
}

function encodersOf(profile: ColumnProfile, { table, labels, problem, style }: FitFeatures): Encoder[] {
  const { name } = profile;
  const values = columnOf(table, name);
  switch (profile.kind) {
    case "numeric":
      return [fitNumber(name, values, style)];
    case "datetime":
      return [fitTime(name, values, style)];
    case "text":
      return [fitText(name, values)];
    case "categorical": {
      if (style === "linear" || profile.distinct <= treeColumns) return [fitCategory(name, values)];
      return [fitTargetMeans(name, values, labels, problem)];
    }
  }
}

function namesOf(encoder: Encoder): readonly string[] {
  return encoder.names;
}

/** Applies a pipeline to rows of any number, those of training too. Columns are found by their names. */
export function applyFeatures(pipeline: FeaturePipeline, table: RawTable): DenseRows {
  const width = pipeline.names.length;
  const values = new Float32Array(new SharedArrayBuffer(table.count * width * 4));
  let at = 0;
  for (const encoder of pipeline.encoders) {
    const column = columnOf(table, encoder.column);
    for (let row = 0; row < table.count; row++) {
      write(encoder, column[row] as string, values, row * width + at);
    }
    at += namesOf(encoder).length;
  }
  return { kind: "dense", count: table.count, width, values };
}

function write(encoder: Encoder, text: string, into: Float32Array, at: number): void {
  switch (encoder.kind) {
    case "number":
      return writeNumber(encoder, text, into, at);
    case "category":
      return writeCategory(encoder, text, into, at);
    case "target":
      return writeTargetMeans(encoder, text, into, at);
    case "time":
      return writeTime(encoder, text, into, at);
    case "text":
      return writeText(encoder, text, into, at);
  }
}
