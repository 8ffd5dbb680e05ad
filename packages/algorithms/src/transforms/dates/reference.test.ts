import { expect, test } from "vitest";
import { reference } from "../fixtures/reference.ts";
import { dates } from "../table/column.ts";
import { tableOf } from "../table/table.ts";
import { expectColumns, fitAndCheck, listsOf, textsTable } from "../testkit/tables.ts";
import type { DatePart } from "./date-parts.ts";
import { timeOf } from "./parse-dates.ts";

const { texts, millis, parts, circle } = reference.dates;
const table = tableOf(millis.length + 1, [["day", dates([...millis, Number.NaN])]]);

test("dates are read, as pandas", () => {
  expect(texts.map(timeOf)).toEqual(millis);
  const { training } = fitAndCheck({ kind: "parse-dates" }, { table: textsTable([[...texts, "soon", null]]) });
  expect(listsOf(training.table)).toEqual([[...millis, null, null]]);
});

test.for<[string, number]>([
  ["2024-02-29", Date.UTC(2024, 1, 29)],
  ["2024-02-29 12:30", Date.UTC(2024, 1, 29, 12, 30)],
  ["2024-02-29T12:30:15.25Z", Date.UTC(2024, 1, 29, 12, 30, 15, 250)],
  [" 2024-02-29T12:30:15+01:00 ", Date.UTC(2024, 1, 29, 11, 30, 15)],
  ["2024-02-29T12:30:15-0330", Date.UTC(2024, 1, 29, 16, 0, 15)],
  ["0044-03-15", new Date("0044-03-15T00:00:00Z").getTime()],
  ["2023-02-29", Number.NaN],
  ["2024-13-01", Number.NaN],
  ["2024-01-01T24:00", Number.NaN],
  ["20240101", Number.NaN],
])("%s is %d", ([text, time]) => {
  expect(timeOf(text)).toBe(time);
});

test("parts of dates, as pandas", () => {
  const wanted = Object.keys(parts) as DatePart[];
  const { training } = fitAndCheck({ kind: "date-parts", parts: wanted }, { table });
  expect([...training.table.columns.keys()]).toEqual(wanted.map((part) => `day ${part}`));
  expectColumns(
    training.table,
    wanted.map((part) => [...(parts[part] ?? []), null]),
    0,
  );
});

test("parts on a circle, as NumPy; a year has none", () => {
  const spec = { kind: "date-parts", parts: ["hour", "year"], cyclic: true } as const;
  const { training } = fitAndCheck(spec, { table });
  expect([...training.table.columns.keys()]).toEqual(["day hour sine", "day hour cosine", "day year"]);
  expectColumns(
    training.table,
    [...circle, parts.year ?? []].map((values) => [...values, null]),
    1e-15,
  );
});
