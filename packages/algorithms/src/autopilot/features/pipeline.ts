import type { DenseRows } from "../../formats/rows.ts";
import { fitTransform, openTransform } from "../../transforms/fit.ts";
import { numeric, text } from "../../transforms/table/column.ts";
import type { Table } from "../../transforms/table/table.ts";
import { toDenseRows } from "../../transforms/table/to-rows.ts";
import type { Apply, FittedTransform } from "../../transforms/transform.ts";
import type { ColumnProfile } from "../analysis/column-types.ts";
import type { RawTable } from "../data/raw-table.ts";
import type { Problem } from "../problem.ts";
import { type FeatureStyle, featureSpec } from "./feature-spec.ts";
import { type InputColumn, outerName, toTable } from "./to-table.ts";

/** Turns rows of text into rows of numbers. Plain data: it is kept as JSON. */
export interface FeaturePipeline {
  readonly style: FeatureStyle;
  readonly inputs: readonly InputColumn[];
  readonly fitted: FittedTransform;
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
  const { problem, labels, style } = job;
  const profiles = job.profiles.filter(({ name, left }) => left === undefined && name !== problem.target);
  const inputs = profiles.map(({ name, kind }) => ({ name, kind }));
  const table = toTable(job.table, inputs);
  const target =
    problem.type === "Regression"
      ? numeric(labels)
      : text([...labels].map((label) => problem.classes[label] as string));
  const { fitted, training } = fitTransform(featureSpec(profiles, table, job), { table, target });
  const names = [...training.table.columns.keys()].map((name) => outerName(name, inputs));
  return { pipeline: { style, inputs, fitted, names }, rows: rowsOf(training.table) };
}

/** Opened once, and applied to request after request. */
const opened = new WeakMap<FeaturePipeline, Apply>();

/** Applies a pipeline to rows that it was not fitted on. Columns are found by their names. */
export function applyFeatures(pipeline: FeaturePipeline, table: RawTable): DenseRows {
  const apply = opened.get(pipeline) ?? openTransform(pipeline.fitted);
  opened.set(pipeline, apply);
  return rowsOf(apply(toTable(table, pipeline.inputs)));
}

/** Where threads see them. */
function rowsOf(table: Table): DenseRows {
  const rows = toDenseRows(table);
  const values = new Float32Array(new SharedArrayBuffer(rows.values.byteLength));
  values.set(rows.values);
  return { ...rows, values };
}
