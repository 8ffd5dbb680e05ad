import type { Rows } from "../formats/rows.ts";
import { CustomerError } from "../job/errors.ts";
import type { DataRows } from "./data.ts";

/** The rows of one channel after those of another. */
export function concatenate(first: DataRows, second: DataRows): DataRows {
  return {
    features: joinRows(first.features, second.features),
    labels: joinFloats(first.labels, second.labels),
    weights:
      first.weights && joinFloats(first.weights, second.weights ?? new Float32Array(second.labels.length).fill(1)),
    groups: first.groups,
  };
}

function joinRows(a: Rows, b: Rows): Rows {
  const width = Math.max(a.width, b.width);
  if (a.kind === "dense" && b.kind === "dense") {
    return { kind: "dense", count: a.count + b.count, width, values: joinFloats(a.values, b.values) };
  }
  if (a.kind === "dense" || b.kind === "dense") {
    throw new CustomerError("Hyperparameter _kfold: the channels must both be sparse or both be dense.");
  }
  const entries = a.values.length;
  const offsets = new Float64Array(a.count + b.count + 1);
  offsets.set(a.offsets);
  for (let row = 1; row <= b.count; row++) offsets[a.count + row] = entries + (b.offsets[row] as number);
  const columns = new Uint32Array(entries + b.columns.length);
  columns.set(a.columns);
  columns.set(b.columns, entries);
  return { kind: "sparse", count: a.count + b.count, width, offsets, columns, values: joinFloats(a.values, b.values) };
}

function joinFloats(a: Float32Array, b: Float32Array): Float32Array {
  const joined = new Float32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
