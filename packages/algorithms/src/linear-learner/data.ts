import type { DenseRows, Rows, SparseRows, Table } from "../formats/rows.ts";
import type { Channel } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import type { Split } from "./learner.ts";
import type { Scaling } from "./scaling.ts";
import type { Settings } from "./settings.ts";

export type SplitName = "train" | "validation" | "test";

/** Reads the channels that there are, checks their labels and brings held-out rows into the training rows' form. */
export async function readTables(
  channels: ReadonlyMap<string, Channel>,
  settings: Settings,
): Promise<ReadonlyMap<SplitName, Table>> {
  const tables = new Map<SplitName, Table>();
  for (const name of ["train", "validation", "test"] as const) {
    const channel = channels.get(name);
    if (channel === undefined) continue;
    const train = tables.get("train");
    const width = train?.features.width ?? settings.given.feature_dim;
    const table = await channel.read({
      labelWidth: 1,
      defaultContentType: "text/csv",
      ...(width === "auto" ? {} : { featureDim: width }),
    });
    checkLabels(table, name, settings);
    tables.set(name, train === undefined ? table : { ...table, features: sameKind(table.features, train.features) });
  }
  return tables;
}

function checkLabels(table: Table, split: SplitName, settings: Settings): void {
  if (table.labelWidth !== 1) {
    throw new CustomerError(`The ${split} channel has ${table.labelWidth} labels per row; linear-learner needs one.`);
  }
  const { labels } = table;
  const top = settings.predictorType === "binary_classifier" ? 1 : settings.classes - 1;
  const isNumber = settings.predictorType === "regressor";
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    if (isNumber ? Number.isFinite(label) : label >= 0 && label <= top && Number.isInteger(label)) continue;
    const expected = isNumber ? "a finite number" : `a whole number from 0 to ${top}`;
    throw new CustomerError(
      `Label of row ${i + 1} of the ${split} channel is ${label}; predictor_type ${settings.predictorType} expects ${expected}.`,
    );
  }
}

/** Labels in the space of training: regressions are scaled, in single precision. */
export function scaleLabels(labels: Float32Array, scaling: Scaling): Float32Array {
  if (scaling.labelShift === 0 && scaling.labelDeviation === 1) return labels;
  const scaled = new Float32Array(labels.length);
  for (let i = 0; i < labels.length; i++)
    scaled[i] = ((labels[i] as number) - scaling.labelShift) / scaling.labelDeviation;
  return scaled;
}

function sameKind(rows: Rows, like: Rows): Rows {
  if (rows.kind === like.kind) return rows;
  return rows.kind === "sparse" ? toDense(rows) : toSparse(rows);
}

function toDense(rows: SparseRows): DenseRows {
  const values = new Float32Array(rows.count * rows.width);
  for (let i = 0; i < rows.count; i++) {
    const end = rows.offsets[i + 1] as number;
    for (let e = rows.offsets[i] as number; e < end; e++)
      values[i * rows.width + (rows.columns[e] as number)] = rows.values[e] as number;
  }
  return { kind: "dense", count: rows.count, width: rows.width, values };
}

function toSparse(rows: DenseRows): SparseRows {
  const kept = rows.values.reduce((count, value) => (value === 0 ? count : count + 1), 0);
  const offsets = new Float64Array(rows.count + 1);
  const columns = new Uint32Array(kept);
  const values = new Float32Array(kept);
  let at = 0;
  for (let i = 0; i < rows.count; i++) {
    for (let j = 0; j < rows.width; j++) {
      const value = rows.values[i * rows.width + j] as number;
      if (value === 0) continue;
      columns[at] = j;
      values[at++] = value;
    }
    offsets[i + 1] = at;
  }
  return { kind: "sparse", count: rows.count, width: rows.width, offsets, columns, values };
}

/** About `wanted` rows at even distances, all of them when there are no more. */
export function thinned(split: Split, wanted: number): Split {
  const { features, labels } = split;
  const { count } = features;
  if (count <= wanted) return split;
  const picks = Float64Array.from({ length: wanted }, (_, i) => Math.floor((i * count) / wanted));
  const own = new Float32Array(wanted);
  for (let i = 0; i < wanted; i++) own[i] = labels[picks[i] as number] as number;
  return { features: pickRows(features, picks), labels: own };
}

function pickRows(rows: Rows, picks: Float64Array): Rows {
  if (rows.kind === "dense") {
    const { width } = rows;
    const values = new Float32Array(picks.length * width);
    for (let to = 0; to < picks.length; to++) {
      const from = (picks[to] as number) * width;
      for (let j = 0; j < width; j++) values[to * width + j] = rows.values[from + j] as number;
    }
    return { kind: "dense", count: picks.length, width, values };
  }
  const offsets = new Float64Array(picks.length + 1);
  picks.forEach((i, to) => {
    offsets[to + 1] = (offsets[to] as number) + (rows.offsets[i + 1] as number) - (rows.offsets[i] as number);
  });
  const total = offsets[picks.length] as number;
  const columns = new Uint32Array(total);
  const values = new Float32Array(total);
  picks.forEach((i, to) => {
    const from = rows.offsets[i] as number;
    const end = rows.offsets[i + 1] as number;
    columns.set(rows.columns.subarray(from, end), offsets[to] as number);
    values.set(rows.values.subarray(from, end), offsets[to] as number);
  });
  return { kind: "sparse", count: picks.length, width: rows.width, offsets, columns, values };
}
