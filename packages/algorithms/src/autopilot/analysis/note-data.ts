import { columnOf, numberOf, type RawTable } from "../data/raw-table.ts";
import type { Problem } from "../problem.ts";
import type { ColumnProfile } from "./column-types.ts";

/** Rows of a class below which it can hardly be learned. */
const fewRows = 5;
/** Share of the rows below which a class is told to be rare. */
const rareShare = 0.05;
/** Share of missing values from which a column is told to have many. */
const missingShare = 0.5;
/** Deviations from its mean beyond which a value of the target lies far out. */
const farDeviations = 6;
/** Rows that a value must have on average before it can be said to give the target away. */
const rowsPerValue = 5;
/** Squared correlation from which a column of numbers is the target by another name. */
const sameSquare = 0.9999;
/** Rows that are compared with each other at most. */
const comparedRows = 1_000_000;
/** Columns that are named in one note. */
const namedColumns = 10;

/** What the owner of the training data should know of it; nothing of it is changed. */
export function noteData(train: RawTable, profiles: readonly ColumnProfile[], problem: Problem): string[] {
  const used = profiles.filter(({ left }) => left === undefined);
  return [
    ...(problem.type === "Regression" ? noteFarTargets(train, problem) : noteClasses(train, problem)),
    ...noteRepeated(train),
    ...noteColumns(
      used.filter(({ missing }) => missing > missingShare * train.count),
      "has no value in more than half of the rows",
      "have no value in more than half of the rows",
    ),
    ...noteColumns(
      used.filter((profile) => tellsTarget(train, profile, problem)),
      "tells the target without an error: make sure that it is known when a prediction is wanted",
      "each tell the target without an error: make sure that they are known when a prediction is wanted",
    ),
    ...noteStray(train, used),
  ];
}

function noteClasses(train: RawTable, { classes, target }: Problem): string[] {
  const counts = new Map(classes.map((name) => [name, 0]));
  for (const value of columnOf(train, target)) counts.set(value, (counts.get(value) ?? 0) + 1);
  const all = [...counts];
  const few = all.filter(([, count]) => count < fewRows);
  if (few.length > 0) {
    return few.map(([name, count]) => `Class '${name}' has ${count} row(s) of training, too few to learn it well.`);
  }
  const rare = all.filter(([, count]) => count < rareShare * train.count).slice(0, namedColumns);
  return rare.map(
    ([name, count]) =>
      `Class '${name}' has ${((100 * count) / train.count).toFixed(1)} % of the rows: look at more than accuracy.`,
  );
}

function noteFarTargets(train: RawTable, { target }: Problem): string[] {
  const values = columnOf(train, target).map(numberOf);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  const far = values.filter((value) => Math.abs(value - mean) > farDeviations * deviation).length;
  if (far === 0) return [];
  return [`${far} row(s) have a target more than ${farDeviations} standard deviations from its mean.`];
}

function noteRepeated({ columns, count }: RawTable): string[] {
  const looked = Math.min(count, comparedRows);
  const seen = new Set<number>();
  for (let row = 0; row < looked; row++) seen.add(digestOf(columns, row));
  const repeated = looked - seen.size;
  if (repeated === 0) return [];
  return [
    `${repeated} row(s) of training repeat another one in every column. Where such rows are in both parts, metrics look better than they are.`,
  ];
}

/** 53 bits of a row's fields (FNV-1a twice): a million rows meet by chance once in twenty thousand times. */
function digestOf(columns: RawTable["columns"], row: number): number {
  let [low, high] = [0x811c9dc5, 0x9dc5811c];
  const add = (code: number) => {
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x01000193) ^ (low >>> 15);
  };
  for (const column of columns) {
    const field = column[row] as string;
    for (let i = 0; i < field.length; i++) add(field.charCodeAt(i));
    add(0xffff);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

function noteColumns(profiles: readonly ColumnProfile[], one: string, many: string): string[] {
  if (profiles.length === 0) return [];
  const names = profiles.slice(0, namedColumns).map(({ name }) => `'${name}'`);
  const more = profiles.length - names.length;
  if (profiles.length === 1) return [`Column ${names[0]} ${one}.`];
  return [`Columns ${names.join(", ")}${more > 0 ? ` and ${more} more` : ""} ${many}.`];
}

/** Whether equal values always have the same target, or numbers lie on a line with it. */
function tellsTarget(train: RawTable, { name, kind, distinct }: ColumnProfile, problem: Problem): boolean {
  const values = columnOf(train, name);
  const targets = columnOf(train, problem.target);
  if (problem.type === "Regression" && kind === "numeric") return squaredCorrelation(values, targets) > sameSquare;
  if (distinct * rowsPerValue > train.count) return false;
  const targetOf = new Map<string, string>();
  return values.every((value, row) => {
    const target = targets[row] as string;
    const known = targetOf.get(value);
    targetOf.set(value, target);
    return known === undefined || known === target;
  });
}

/** Over the rows that have both numbers; 0 where one of them does not vary. */
function squaredCorrelation(xs: readonly string[], ys: readonly string[]): number {
  let [count, meanX, meanY, xx, yy, xy] = [0, 0, 0, 0, 0, 0];
  for (const [row, text] of xs.entries()) {
    const [x, y] = [numberOf(text), numberOf(ys[row] as string)];
    if (Number.isNaN(x) || Number.isNaN(y)) continue;
    count += 1;
    const [dx, dy] = [x - meanX, y - meanY];
    meanX += dx / count;
    meanY += dy / count;
    xx += dx * (x - meanX);
    yy += dy * (y - meanY);
    xy += dx * (y - meanY);
  }
  return xx === 0 || yy === 0 ? 0 : xy ** 2 / (xx * yy);
}

/** Texts in columns of numbers, which count as missing. */
function noteStray(train: RawTable, profiles: readonly ColumnProfile[]): string[] {
  return profiles.flatMap(({ name, kind }) => {
    if (kind !== "numeric") return [];
    const stray = columnOf(train, name).filter((value) => value !== "" && Number.isNaN(numberOf(value)));
    if (stray.length === 0) return [];
    return [
      `Column '${name}' has ${stray.length} value(s) that are no numbers, '${stray[0]}' for one: they count as missing.`,
    ];
  });
}
