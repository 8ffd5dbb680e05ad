import { numberOf, type RawTable } from "../data/raw-table.ts";
import { timeOf } from "../data/time-of.ts";

/** How a column is used. */
export type ColumnKind = "numeric" | "categorical" | "text" | "datetime";

/** What was found out about a column. */
export interface ColumnProfile {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Why the column is not used; absent for those that are. */
  readonly left?: string;
  /** Rows without a value. */
  readonly missing: number;
  readonly distinct: number;
  /** Of numeric columns. */
  readonly numbers?: { readonly min: number; readonly max: number; readonly mean: number; readonly deviation: number };
  /** The most frequent values and how often they are there, of the others. */
  readonly frequent?: readonly (readonly [value: string, count: number])[];
}

/** Fields that may be no numbers in a column of numbers: they count as missing. */
const strayShare = 0.01;
/** Words a value, and distinct values a row, from which text is text rather than the name of a category. */
const textWords = 3;
const textDistinct = 0.3;

/** Looks at a column. @param wanted - What its owner says that it is. */
export function profileColumn(table: RawTable, index: number, wanted?: ColumnKind): ColumnProfile {
  const name = table.names[index] as string;
  const values = table.columns[index] as readonly string[];
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const missing = counts.get("") ?? 0;
  counts.delete("");
  const present = table.count - missing;
  const kind = wanted ?? kindOf(counts, present);
  const left = whyLeft(kind, counts, present);
  return {
    ...{ name, kind, missing, distinct: counts.size },
    ...(left !== undefined && { left }),
    ...(kind === "numeric" ? { numbers: numbersOf(values) } : { frequent: frequentOf(counts) }),
  };
}

function kindOf(counts: ReadonlyMap<string, number>, present: number): ColumnKind {
  let numbers = 0;
  let times = 0;
  let words = 0;
  for (const [value, count] of counts) {
    if (!Number.isNaN(numberOf(value))) numbers += count;
    else if (!Number.isNaN(timeOf(value))) times += count;
    words += value.split(/\s+/).length * count;
  }
  if (present === 0 || numbers >= present * (1 - strayShare)) return "numeric";
  if (times >= present * (1 - strayShare)) return "datetime";
  return words / present >= textWords && counts.size >= present * textDistinct ? "text" : "categorical";
}

/** What cannot help: it is the same in all rows, or another one in each. */
function whyLeft(kind: ColumnKind, counts: ReadonlyMap<string, number>, present: number): string | undefined {
  if (present === 0) return "it has no values";
  if (counts.size === 1) return "it has the same value in all rows";
  if (kind === "categorical" && present >= 20 && counts.size === present) return "each row has a value of its own";
  return undefined;
}

function numbersOf(values: readonly string[]): NonNullable<ColumnProfile["numbers"]> {
  let [count, mean, squares] = [0, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const text of values) {
    const value = numberOf(text);
    if (Number.isNaN(value)) continue;
    count += 1;
    const delta = value - mean;
    mean += delta / count;
    squares += delta * (value - mean);
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  if (count === 0) return { min: 0, max: 0, mean: 0, deviation: 0 };
  return { min, max, mean, deviation: Math.sqrt(squares / count) };
}

function frequentOf(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, 10);
}
