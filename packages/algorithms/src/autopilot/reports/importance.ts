import { randomStream } from "../../numerics/random.ts";
import { range, shuffle } from "../../transforms/split/shuffle.ts";
import { pickRows, type RawTable } from "../data/raw-table.ts";
import { goodness } from "../metrics/measure.ts";
import type { MetricName } from "../metrics/metric-names.ts";
import type { Problem } from "../problem.ts";

/** Rows that importance is measured over, at most, and how often each column is shuffled. */
const mostRows = 2000;
const rounds = 3;
/** Share of a metric that sums of its terms in another order may differ by. */
const rounding = 1e-12;

/** How much worse a model gets without a column. */
export interface Importance {
  readonly name: string;
  /** Mean loss of the metric over the rounds; below 0 where shuffling has helped by chance. */
  readonly value: number;
}

/** What is measured over. */
export interface ImportanceJob {
  readonly problem: Problem;
  readonly metric: MetricName;
  readonly table: RawTable;
  readonly labels: Float64Array;
  /** The columns to look at. */
  readonly columns: readonly string[];
  predict(table: RawTable): Float64Array;
}

/**
 * Permutation importance (Breiman 2001): how much the metric loses when a column's values are shuffled among the rows.
 * @returns The columns, the most important ones first.
 */
export function permutationImportance(job: ImportanceJob): Importance[] {
  const { problem, metric, columns } = job;
  const step = Math.max(1, Math.ceil(job.table.count / mostRows));
  const rows = Array.from({ length: Math.ceil(job.table.count / step) }, (_, i) => i * step);
  const table = pickRows(job.table, rows);
  const labels = Float64Array.from(rows, (row) => job.labels[row] as number);
  const base = goodness(problem, metric, labels, job.predict(table));
  const random = randomStream(1);
  const found = columns.map((name): Importance => {
    const at = table.names.indexOf(name);
    let lost = 0;
    for (let round = 0; round < rounds; round++) {
      const order = shuffle(range(rows.length), random);
      const own = table.columns[at] as readonly string[];
      const shuffled = Array.from(order, (from) => own[from] as string);
      const changed = { ...table, columns: table.columns.map((column, i) => (i === at ? shuffled : column)) };
      lost += base - goodness(problem, metric, labels, job.predict(changed));
    }
    const value = lost / rounds;
    // What is left of a difference of equal metrics is no importance.
    return { name, value: Math.abs(value) < rounding * Math.max(1, Math.abs(base)) ? 0 : value };
  });
  return found.sort((a, b) => b.value - a.value);
}
