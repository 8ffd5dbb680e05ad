import { CustomerError } from "../../job/errors.ts";
import { eachColumn, mapNumbers, momentsOf } from "../numbers.ts";
import { number, whole } from "../options.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import { bayesianRidge, type LinearFit } from "./bayesian-ridge.ts";

/**
 * Replaces missing numbers by what the other columns say of them: each column is regressed on all others in turn, and rounds
 * of that are repeated until the filled values settle.
 * @see Van Buuren and Groothuis-Oudshoorn (2011), mice: Multivariate imputation by chained equations, J. Stat. Software 45(3).
 */
export interface ImputeChainedSpec extends TransformSpec {
  readonly kind: "impute-chained";
  /** 10 by default. */
  readonly maxRounds?: number;
  /** Largest change of a row in a round, over the largest number in training, at which it ends; 0.001 by default. */
  readonly tolerance?: number;
}

interface State {
  /** What gaps hold at first. */
  readonly means: readonly number[];
  /** In their order: which column is filled, and how from the others. */
  readonly steps: readonly (LinearFit & { readonly column: number })[];
}

/** Each round regresses every column on all others: the time grows with the cube of their number. */
const maxColumns = 200;

export const imputeChained: TransformKind<ImputeChainedSpec, State> = {
  kind: "impute-chained",
  options: { maxRounds: whole({ min: 1, max: 1000 }), tolerance: number({ min: 0 }) },
  takes: ["numeric"],
  fit({ table }, { maxRounds = 10, tolerance = 1e-3 }) {
    const given = eachColumn(table, (values) => values);
    if (given.length > maxColumns) {
      throw new CustomerError(`Transform 'impute-chained' takes up to ${maxColumns} columns, got ${given.length}.`);
    }
    const moments = given.map(momentsOf);
    const means = moments.map(({ count, mean }) => (count === 0 ? 0 : mean));
    const steps: State["steps"][number][] = [];
    if (given.length < 2) return { state: { means, steps } };
    const filled = start(given, means);
    const largest = given.reduce((most, values) => Math.max(most, largestOf(values)), 0);
    // Columns with the fewest gaps first; those without any value say nothing.
    const order = [...moments.keys()]
      .filter((column) => (moments[column]?.count ?? 0) > 0)
      .sort((a, b) => (moments[b]?.count ?? 0) - (moments[a]?.count ?? 0));
    for (let round = 0; round < maxRounds; round++) {
      const before = filled.map((values) => values.slice());
      for (const column of order) {
        const step = { column, ...regress(given, filled, column) };
        steps.push(step);
        refill(given, filled, step);
      }
      if (largestChange(before, filled, table.rows) < tolerance * largest) break;
    }
    return { state: { means, steps } };
  },
  open({ means, steps }) {
    return (table) => {
      const given = eachColumn(table, (values) => values);
      const filled = start(given, means);
      for (const step of steps) refill(given, filled, step);
      return mapNumbers(table, (_, column) => filled[column] as Float64Array);
    };
  },
};

function start(given: readonly Float64Array[], means: readonly number[]): Float64Array[] {
  return given.map((values, column) =>
    values.map((value) => (Number.isNaN(value) ? (means[column] as number) : value)),
  );
}

/** Learns a column from the others, of the rows that have it. */
function regress(given: readonly Float64Array[], filled: readonly Float64Array[], column: number): LinearFit {
  const own = given[column] as Float64Array;
  const others = filled.filter((_, other) => other !== column);
  const rows = Uint32Array.from(own.keys()).filter((row) => !Number.isNaN(own[row] as number));
  const pick = (values: Float64Array) => Float64Array.from(rows, (row) => values[row] as number);
  return bayesianRidge(others.map(pick), pick(own));
}

/** Writes the gaps of a column. */
function refill(
  given: readonly Float64Array[],
  filled: readonly Float64Array[],
  { column, weights, intercept }: State["steps"][number],
): void {
  const own = given[column] as Float64Array;
  const into = filled[column] as Float64Array;
  const others = filled.filter((_, other) => other !== column);
  for (let row = 0; row < own.length; row++) {
    if (!Number.isNaN(own[row] as number)) continue;
    let value = intercept;
    for (let j = 0; j < others.length; j++)
      value += (weights[j] as number) * ((others[j] as Float64Array)[row] as number);
    into[row] = value;
  }
}

/** The largest sum of changes of a row. */
function largestChange(before: readonly Float64Array[], after: readonly Float64Array[], rows: number): number {
  const changes = new Float64Array(rows);
  for (const [column, values] of after.entries()) {
    const old = before[column] as Float64Array;
    for (let row = 0; row < rows; row++) {
      changes[row] = (changes[row] as number) + Math.abs((values[row] as number) - (old[row] as number));
    }
  }
  return largestOf(changes);
}

function largestOf(values: Float64Array): number {
  let most = 0;
  for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
  return most;
}
