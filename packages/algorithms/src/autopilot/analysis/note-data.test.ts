import { expect, test } from "vitest";
import type { RawTable } from "../data/raw-table.ts";
import { profileColumn } from "./column-types.ts";
import { noteData } from "./note-data.ts";
import { resolveProblem } from "./resolve-problem.ts";

type Column = (row: number) => string | number;

function notesOf(columns: Readonly<Record<string, Column>>, count = 200): string[] {
  const rows = Array.from({ length: count }, (_, row) => row);
  const table: RawTable = {
    names: Object.keys(columns),
    count,
    columns: Object.values(columns).map((of) => rows.map((row) => String(of(row)))),
  };
  const at = table.names.indexOf("y");
  const profiles = table.names.flatMap((_, index) => (index === at ? [] : [profileColumn(table, index)]));
  return noteData(table, profiles, resolveProblem("y", table.columns[at] as string[], undefined));
}

const x: Column = (row) => row * 0.37;
const half: Column = (row) => (row % 2 ? "yes" : "no");
const number: Column = (row) => (row * 7919) % 1009;

test("data that nothing is to be said of", () => {
  expect(notesOf({ x, town: (row) => ["Ulm", "Rom", "Bern"][row % 3] as string, y: half })).toEqual([]);
  expect(notesOf({ x, y: number })).toEqual([]);
});

test.for<[string, Readonly<Record<string, Column>>, string]>([
  [
    "a class of three rows",
    { x, y: (row) => (row < 3 ? "yes" : "no") },
    "Class 'yes' has 3 row(s) of training, too few",
  ],
  ["a rare class", { x, y: (row) => (row < 6 ? "yes" : "no") }, "Class 'yes' has 3.0 % of the rows"],
  ["targets far out", { x, y: (row) => (row === 7 ? 1e6 : number(row)) }, "1 row(s) have a target more than 6"],
  [
    "rows that repeat",
    { x: (row) => Math.max(row, 4), y: (row) => (row > 40 ? "yes" : "no") },
    "4 row(s) of training repeat",
  ],
  ["a column with gaps", { x, z: (row) => (row % 3 ? "" : row), y: half }, "Column 'z' has no value in more than half"],
  [
    "columns with gaps",
    { x, z: (row) => (row % 3 ? "" : row), v: (row) => (row % 3 ? "" : row), y: half },
    "Columns 'z', 'v' have no value",
  ],
  ["a class by another name", { x, z: (row) => ["a", "b"][row % 2] as string, y: half }, "Column 'z' tells the target"],
  [
    "a number by another unit",
    { x, z: (row) => 32 + 1.8 * Number(number(row)), y: number },
    "Column 'z' tells the target",
  ],
  [
    "a text among numbers",
    { x: (row) => (row === 9 ? "many" : row), y: half },
    "Column 'x' has 1 value(s) that are no numbers, 'many'",
  ],
])("%s is told", ([, columns, note]) => {
  expect(notesOf(columns)).toEqual([expect.stringContaining(note)]);
});
