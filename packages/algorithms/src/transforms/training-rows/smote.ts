import { CustomerError } from "../../job/errors.ts";
import { randomStream } from "../../numerics/random.ts";
import { refuseGaps } from "../gaps.ts";
import { eachColumn } from "../numbers.ts";
import { whole } from "../options.ts";
import { range } from "../split/shuffle.ts";
import { gather, numeric } from "../table/column.ts";
import { tableOf } from "../table/table.ts";
import { numbersOf } from "../table/to-rows.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import { classesOf, lackingOf } from "./resample.ts";

/**
 * Adds training rows to smaller classes until every class has as many as the largest: each lies between a row and one of
 * its nearest neighbours of the same class, both chosen at random. All columns must be numbers by then.
 * @see Chawla, Bowyer, Hall and Kegelmeyer (2002), SMOTE: Synthetic minority over-sampling technique, JAIR 16.
 */
export interface SmoteSpec extends TransformSpec {
  readonly kind: "smote";
  /** 5 by default. */
  readonly neighbours?: number;
  readonly seed?: number;
}

export const smote: TransformKind<SmoteSpec, Record<string, never>> = {
  kind: "smote",
  options: { neighbours: whole({ min: 1, max: 1000 }), seed: whole() },
  takes: [],
  fit(training, { neighbours = 5, seed = 0 }) {
    const { table } = training;
    numbersOf(table); // refuses what is no number
    refuseGaps("smote", table);
    const labels = classesOf(training, "smote");
    const random = randomStream(seed);
    const columns = eachColumn(table, (values) => values);
    const made: Float64Array[][] = [];
    const sources: number[] = [];
    for (const { code, rows, lacking } of lackingOf(labels)) {
      if (lacking === 0) continue;
      if (rows.length <= neighbours) {
        throw new CustomerError(
          `Class '${labels.classes[code]}' has ${rows.length} rows: 'smote' needs more than its ${neighbours} neighbours.`,
        );
      }
      const own = columns.map((values) => Float64Array.from(rows, (row) => values[row] as number));
      const draws = Array.from({ length: lacking }, () => Math.floor(random.uniform() * rows.length * neighbours));
      const steps = Float64Array.from({ length: lacking }, () => random.uniform());
      made.push(between(own, neighbours, draws, steps));
      sources.push(...draws.map((draw) => rows[Math.floor(draw / neighbours)] as number));
    }
    const names = [...table.columns.keys()];
    const grown = columns.map((values, column) =>
      concatenate([values, ...made.map((own) => own[column] as Float64Array)]),
    );
    const rows = table.rows + sources.length;
    const from = Uint32Array.from([...range(table.rows), ...sources]);
    return {
      state: {},
      training: {
        table: tableOf(
          rows,
          grown.map((values, column) => [names[column] as string, numeric(values)] as const),
        ),
        // A new row has the class of the one that it was made from.
        ...(training.target && { target: gather(training.target, from, table.rows) }),
      },
    };
  },
  open: () => (table) => table,
};

/**
 * Rows between rows and their neighbours.
 * @param columns - Of the rows of one class.
 * @param draws - For each new row, `row * neighbours + neighbour`.
 * @param steps - For each, the share of the way, in [0, 1).
 */
export function between(
  columns: readonly Float64Array[],
  neighbours: number,
  draws: readonly number[],
  steps: Float64Array,
): Float64Array[] {
  const nearestOf = new Map<number, Uint32Array>();
  const pairs = draws.map((draw) => {
    const row = Math.floor(draw / neighbours);
    let nearest = nearestOf.get(row);
    if (nearest === undefined) {
      nearest = nearestRows(columns, row, neighbours);
      nearestOf.set(row, nearest);
    }
    return [row, nearest[draw % neighbours] as number] as const;
  });
  return columns.map((values) =>
    steps.map((step, i) => {
      const [row, other] = pairs[i] as readonly [number, number];
      const value = values[row] as number;
      return value + step * ((values[other] as number) - value);
    }),
  );
}

/** The rows that are nearest to one, the nearest first, without itself. */
function nearestRows(columns: readonly Float64Array[], row: number, count: number): Uint32Array {
  const size = columns[0]?.length ?? 0;
  const distances = new Float64Array(size);
  for (const values of columns) {
    const value = values[row] as number;
    for (let i = 0; i < size; i++) distances[i] = (distances[i] as number) + ((values[i] as number) - value) ** 2;
  }
  distances[row] = Infinity;
  return range(size)
    .sort((a, b) => (distances[a] as number) - (distances[b] as number) || a - b)
    .slice(0, count);
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const joined = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
