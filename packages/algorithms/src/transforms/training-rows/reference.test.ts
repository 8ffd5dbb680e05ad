import { describe, expect, test } from "vitest";
import { labelsOf } from "../encode/labels.ts";
import { fitTransform } from "../fit.ts";
import { reference } from "../fixtures/reference.ts";
import type { AnySpec } from "../kinds.ts";
import { numeric, type TextColumn, text } from "../table/column.ts";
import { gatherRows, tableOf } from "../table/table.ts";
import { expectColumns, fitAndCheck, listsOf, numbersTable } from "../testkit/tables.ts";
import { balancedWeights } from "./class-weights.ts";
import { between } from "./smote.ts";

const { x, classes, weights, over, under, smote, unique } = reference.resample;
const table = numbersTable(x);
const target = text(classes.map((each) => "abc"[each]));
const { tied, townHoled } = reference.data;

test("rows that are there twice are left out, as pandas", () => {
  const holed = tableOf(townHoled.length, [
    ["a", numeric(tied[0] as number[])],
    ["b", text(townHoled)],
    ["c", numeric(tied[4] as number[])],
    ["d", numeric(townHoled.map((_, row) => row))],
  ]);
  const { training } = fitAndCheck({ kind: "drop-duplicates", columns: ["a", "b", "c"] }, { table: holed });
  expect(listsOf(training.table)[3]).toEqual(unique);
  expect(fitAndCheck({ kind: "drop-duplicates" }, { table: holed }).training.table.rows).toBe(townHoled.length);
  const gaps = numbersTable([[1, null, null, 1, 0, -0]]);
  expect(listsOf(fitAndCheck({ kind: "drop-duplicates" }, { table: gaps }).training.table)).toEqual([[1, null, 0]]);
  expect(fitTransform({ kind: "drop-duplicates" }, { table: numbersTable([[]]) }).training.table.rows).toBe(0);
});

test("class weights, as scikit-learn", () => {
  expectColumns(numbersTable([[...balancedWeights(labelsOf(target, table.rows).counts)]]), [weights], 1e-15);
  expect([...balancedWeights([2, 0, 2])]).toEqual([1, 0, 1]);
});

describe("classes are made equal, as imbalanced-learn", () => {
  const rowsOf = (spec: AnySpec) => {
    const { training } = fitAndCheck(spec, { table, target });
    const { codes, texts } = training.target as TextColumn;
    const counts = ["a", "b", "c"].map((name) => codes.filter((code) => texts[code] === name).length);
    const keys = listsOf(training.table);
    const rows = Array.from({ length: training.table.rows }, (_, row) =>
      JSON.stringify(keys.map((column) => column[row])),
    );
    return { counts, rows, labels: Array.from(codes, (code) => texts[code]) };
  };
  const before = listsOf(table);
  const known = new Map(classes.map((code, row) => [JSON.stringify(before.map((column) => column[row])), "abc"[code]]));

  test("by repeating rows, all of which stay", () => {
    const { counts, rows, labels } = rowsOf({ kind: "oversample", seed: 1 });
    expect(counts).toEqual(over);
    expect(rows.slice(0, table.rows)).toEqual([...known.keys()]);
    rows.forEach((row, i) => expect(known.get(row)).toBe(labels[i]));
    expect(rowsOf({ kind: "oversample", seed: 1 }).rows).toEqual(rows);
    expect(rowsOf({ kind: "oversample", seed: 2 }).rows).not.toEqual(rows);
  });

  test("by leaving rows out, none of which stays twice", () => {
    const { counts, rows, labels } = rowsOf({ kind: "undersample", seed: 1 });
    expect(counts).toEqual(under);
    expect(new Set(rows).size).toBe(rows.length);
    rows.forEach((row, i) => expect(known.get(row)).toBe(labels[i]));
  });

  test("by rows between neighbours, the same for the same draws", () => {
    let at = 0;
    for (const [i, code] of [0, 2].entries()) {
      const rows = Uint32Array.from(classes.keys()).filter((row) => classes[row] === code);
      const columns = x.map((values) => Float64Array.from(rows, (row) => values[row] as number));
      const draws = smote.draws[i] as number[];
      const made = between(columns, 4, draws, Float64Array.from(smote.steps[i] as number[]));
      const wanted = smote.x.map((values) => values.slice(at, at + draws.length));
      expectColumns(numbersTable(made.map((values) => [...values])), wanted, 1e-14);
      at += draws.length;
    }
    expect(at).toBe(smote.classes.length);
  });

  test("and as a transform", () => {
    const { counts, rows, labels } = rowsOf({ kind: "smote", neighbours: 4, seed: 1 });
    expect(counts).toEqual(over);
    expect(rows.slice(0, table.rows)).toEqual([...known.keys()]);
    expect(labels.slice(table.rows)).toEqual(smote.classes.map((code) => "abc"[code]));
    expect(rows.slice(table.rows).some((row) => known.has(row))).toBe(false);
  });

  test("what cannot be", () => {
    expect(() => fitTransform({ kind: "smote", neighbours: 9 }, { table, target })).toThrow(
      "Class 'c' has 9 rows: 'smote' needs more than its 9 neighbours.",
    );
    expect(() => fitTransform({ kind: "undersample" }, { table })).toThrow("'undersample' needs a target");
    const gap = text(classes.map((each, row) => (row === 3 ? null : String(each))));
    expect(() => fitTransform({ kind: "oversample" }, { table, target: gap })).toThrow(
      "The target is missing in 1 of 56 rows.",
    );
    const inParts: AnySpec = {
      kind: "column-transformer",
      parts: [{ columns: ["a"], transform: { kind: "oversample" } }],
    };
    expect(() => fitTransform(inParts, { table, target })).toThrow("may not leave out or add rows; 'oversample' does");
  });

  test("rows of numbers come out of a pipeline that leaves some out", () => {
    const kept = fitAndCheck(
      { kind: "pipeline", steps: [{ kind: "undersample" }, { kind: "standard-scaler" }] },
      { table, target },
    );
    expect(kept.training.table.rows).toBe(27);
    expect(gatherRows(kept.training.table, Uint32Array.of(0)).rows).toBe(1);
  });
});
