import { CustomerError } from "../../job/errors.ts";
import { symmetricEigen } from "../../numerics/eigen/symmetric-eigen.ts";
import { refuseGaps } from "../gaps.ts";
import { eachColumn, momentsOf } from "../numbers.ts";
import { number } from "../options.ts";
import { numeric } from "../table/column.ts";
import { tableOf } from "../table/table.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";

/** Replaces columns of numbers by their principal components, the strongest first: `component 1` and so on. */
export interface PcaSpec extends TransformSpec {
  readonly kind: "pca";
  /** How many, or below 1 the share of the variance that they explain together. */
  readonly components: number;
}

interface State {
  readonly means: readonly number[];
  /** A list of one weight for each column, for each component. */
  readonly components: readonly (readonly number[])[];
}

/** All eigenvectors of this many columns (or rows, where those are fewer) take a few seconds, as the cube of it. */
const maxSize = 1500;

export const pca: TransformKind<PcaSpec, State> = {
  kind: "pca",
  options: { components: number({ above: 0 }) },
  takes: ["numeric"],
  fit({ table }, { components: wanted }) {
    if (wanted === undefined) throw new CustomerError("Transform 'pca' needs the option 'components'.");
    refuseGaps("pca", table);
    const means: number[] = [];
    const centred = eachColumn(table, (values) => {
      const { mean } = momentsOf(values);
      means.push(mean);
      return values.map((value) => value - mean);
    });
    const { values, vectors } = componentsOf(centred, table.rows);
    const count = wanted < 1 ? enough(values, wanted) : Math.floor(wanted);
    if (count > vectors.length) {
      throw new CustomerError(
        `${table.rows} rows of ${means.length} columns have ${vectors.length} components, not ${count}.`,
      );
    }
    return { state: { means, components: vectors.slice(0, count).map(turned) } };
  },
  open({ means, components }) {
    return (table) => {
      const sums = components.map(() => new Float64Array(table.rows));
      eachColumn(table, (values) => values).forEach((values, column) => {
        const mean = means[column] as number;
        for (const [c, weights] of components.entries()) {
          const [sum, weight] = [sums[c] as Float64Array, weights[column] as number];
          for (let row = 0; row < sum.length; row++) {
            sum[row] = (sum[row] as number) + weight * ((values[row] as number) - mean);
          }
        }
      });
      return tableOf(
        table.rows,
        sums.map((sum, c) => [`component ${c + 1}`, numeric(sum)] as const),
      );
    };
  },
};

interface Found {
  /** Descending, and no more than there can be. */
  readonly values: Float64Array;
  /** Of length 1. */
  readonly vectors: readonly (readonly number[])[];
}

/** Eigenvectors of `X^T X`; those of the smaller `X X^T`, times X, where there are fewer rows than columns. */
function componentsOf(columns: readonly Float64Array[], rows: number): Found {
  const width = columns.length;
  const isWide = rows < width;
  const size = isWide ? rows : width;
  if (size > maxSize) {
    throw new CustomerError(
      `Transform 'pca' takes up to ${maxSize} columns, or rows where those are fewer; it got ${size}.`,
    );
  }
  const { values, vectors } = symmetricEigen(isWide ? outer(columns, rows) : inner(columns), size);
  const count = Math.min(rows, width);
  const listOf = (i: number): number[] => {
    const own = vectors.subarray(i * size, (i + 1) * size);
    if (!isWide) return [...own];
    const long = columns.map((column) => dot(column, own));
    const length = Math.hypot(...long) || 1;
    return long.map((value) => value / length);
  };
  return { values: values.slice(0, count), vectors: Array.from({ length: count }, (_, i) => listOf(i)) };
}

function inner(columns: readonly Float64Array[]): Float64Array {
  const n = columns.length;
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const value = dot(columns[i] as Float64Array, columns[j] as Float64Array);
      matrix[i * n + j] = value;
      matrix[j * n + i] = value;
    }
  }
  return matrix;
}

function outer(columns: readonly Float64Array[], rows: number): Float64Array {
  const matrix = new Float64Array(rows * rows);
  for (const column of columns) {
    for (let i = 0; i < rows; i++) {
      const value = column[i] as number;
      for (let j = 0; j < rows; j++)
        matrix[i * rows + j] = (matrix[i * rows + j] as number) + value * (column[j] as number);
    }
  }
  return matrix;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** The fewest components whose variances are more than a share of all. */
function enough(values: Float64Array, share: number): number {
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  let sum = 0;
  for (const [i, value] of values.entries()) {
    sum += Math.max(0, value);
    if (sum / total > share) return i + 1;
  }
  return values.length;
}

/** With the sign that makes the largest weight positive. */
function turned(weights: readonly number[]): number[] {
  const largest = weights.reduce((best, weight) => (Math.abs(weight) > Math.abs(best) ? weight : best), 0);
  return weights.map((weight) => (largest < 0 ? -weight : weight));
}
