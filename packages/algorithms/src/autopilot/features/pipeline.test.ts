import { expect, test } from "vitest";
import { profileColumn } from "../analysis/column-types.ts";
import type { RawTable } from "../data/raw-table.ts";
import type { Problem } from "../problem.ts";
import type { FeatureStyle } from "./feature-spec.ts";
import { applyFeatures, fitFeatures } from "./pipeline.ts";

const problem: Problem = { type: "Regression", target: "y", classes: [] };

function fit(columns: Readonly<Record<string, readonly string[]>>, style: FeatureStyle, labels: readonly number[]) {
  const names = Object.keys(columns);
  const table: RawTable = { names, count: labels.length, columns: Object.values(columns) };
  const profiles = names.map((_, index) => profileColumn(table, index));
  return { table, ...fitFeatures({ table, labels: Float64Array.from(labels), problem, profiles, style, seed: 1 }) };
}

test("numbers stay as they are for trees, and are scaled, filled and flagged for linear models", () => {
  const columns = { x: ["1", "", "3"] };
  expect([...fit(columns, "tree", [1, 2, 3]).rows.values]).toEqual([1, Number.NaN, 3]);
  const { rows, pipeline } = fit(columns, "linear", [1, 2, 3]);
  expect(pipeline.names).toEqual(["x", "x is missing"]);
  expect(rows.values[0]).toBe(-(rows.values[4] as number));
  expect([rows.values[1], rows.values[2], rows.values[3], rows.values[5]]).toEqual([0, 0, 1, 0]);
});

test("names that were never seen are no category, and names of objects' own members are names", () => {
  const { pipeline } = fit({ town: ["Ulm", "__proto__", "Ulm", "Rom"] }, "linear", [1, 2, 3, 4]);
  const again = JSON.parse(JSON.stringify(pipeline)) as typeof pipeline;
  const row = (town: string) => [...applyFeatures(again, { names: ["town"], count: 1, columns: [[town]] }).values];
  expect([...again.names].sort()).toEqual(["town=Rom", "town=Ulm", "town=__proto__"]);
  expect(row("__proto__")[again.names.indexOf("town=__proto__")]).toBe(1);
  expect(row("constructor")).toEqual([0, 0, 0]);
});

test("columns whose names meet those of features do no harm", () => {
  const { pipeline } = fit({ "a=b": ["c", "d", "c"], a: ["b=c", "e", "b=c"] }, "linear", [1, 2, 3]);
  expect(pipeline.names).toHaveLength(4);
});

test("training rows are told of the target by other rows only", () => {
  const count = 200;
  const towns = Array.from({ length: count }, (_, row) => `t${row % 40}`);
  // The target has nothing to do with the town.
  const labels = Array.from({ length: count }, (_, row) => ((row * 7919) % 101) / 100);
  const { rows, pipeline, table } = fit({ town: towns }, "tree", labels);
  expect(pipeline.names).toHaveLength(1);
  expect([...applyFeatures(pipeline, table).values]).not.toEqual([...rows.values]);
  expect(correlation(labels, [...rows.values])).toBeLessThan(0.1);
});

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (list: readonly number[]) => list.reduce((sum, each) => sum + each, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  const product = (f: readonly number[], mf: number, g: readonly number[], mg: number) =>
    f.reduce((sum, each, i) => sum + (each - mf) * ((g[i] as number) - mg), 0);
  return product(a, ma, b, mb) / Math.sqrt(product(a, ma, a, ma) * product(b, mb, b, mb));
}

test("dates become their parts, and sentences the words that tell rows apart", () => {
  const { pipeline, rows } = fit({ when: ["2024-02-29", "2023-12-31T23:00:00"] }, "tree", [1, 2]);
  const parts = ["seconds", "year", "month", "day", "day of week", "hour"];
  expect(pipeline.names).toEqual(parts.map((part) => `when ${part}`));
  expect([...rows.values.subarray(1, 6)]).toEqual([2024, 2, 29, 3, 0]);
  expect(rows.values[11]).toBe(23);
  const notes = Array.from({ length: 12 }, (_, row) => `${row % 2 ? "good" : "late"} again number w${row}`);
  const words = fit(
    { note: notes },
    "tree",
    notes.map((_, row) => row),
  );
  expect(words.pipeline.names).toEqual(["note: good", "note: late"]);
});
