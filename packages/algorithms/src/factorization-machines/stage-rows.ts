import type { DenseRows, Rows, SparseRows } from "../formats/rows.ts";
import type { Learner } from "./learner.ts";

/** Consecutive rows. */
interface RowRange {
  readonly first: number;
  readonly count: number;
}

/**
 * Copies rows into a learner's area, behind the `at` rows that it has. Zeros are left out: they add nothing to any sum,
 * and so dense rows and sparse ones give the same model.
 * @returns Whether all values are finite.
 */
export function stageRows(rows: Rows, range: RowRange, learner: Learner, at: number): boolean {
  learner.reserve(at + range.count, 0);
  if (at === 0) learner.area.offsets[0] = 0;
  return rows.kind === "dense" ? stageDense(rows, range, learner, at) : stageSparse(rows, range, learner, at);
}

function stageDense({ values: source, width }: DenseRows, { first, count }: RowRange, learner: Learner, at: number) {
  let to = learner.area.offsets[at] as number;
  // A difference of a number with itself is NaN for NaN and both infinities.
  let differences = 0;
  for (let i = 0; i < count; i++) {
    // Row by row, since most of a wide row may be zeros.
    learner.reserve(at + count, to + width);
    const { offsets, columns, values } = learner.area;
    const from = (first + i) * width;
    for (let j = 0; j < width; j++) {
      const value = source[from + j] as number;
      if (value === 0) continue;
      columns[to] = j;
      values[to++] = value;
      differences += value - value;
    }
    offsets[at + i + 1] = to;
  }
  return differences === 0;
}

function stageSparse(rows: SparseRows, { first, count }: RowRange, learner: Learner, at: number): boolean {
  let to = learner.area.offsets[at] as number;
  learner.reserve(at + count, to + (rows.offsets[first + count] as number) - (rows.offsets[first] as number));
  const { offsets, columns, values } = learner.area;
  let differences = 0;
  for (let i = 0; i < count; i++) {
    const end = rows.offsets[first + i + 1] as number;
    for (let e = rows.offsets[first + i] as number; e < end; e++) {
      const value = rows.values[e] as number;
      if (value === 0) continue;
      columns[to] = rows.columns[e] as number;
      values[to++] = value;
      differences += value - value;
    }
    offsets[at + i + 1] = to;
  }
  return differences === 0;
}
