import { csvOf, recordIoOf, type TestRows } from "./row-files.ts";

/** A file that no job can learn from: what is wrong with it, its content, and what the job says. */
type FaultyFile = readonly [fault: string, content: string | Uint8Array, message: string];

/** CSV files with one fault each, as `train/rows.csv`. */
export function faultyCsv(rows: TestRows): FaultyFile[] {
  const width = rows.features[0]?.length ?? 0;
  const lines = csvOf(rows).split("\n");
  const replaced = (line: number, change: (fields: string[]) => string[]) =>
    lines.map((text, i) => (i === line ? change(text.split(",")).join(",") : text)).join("\n");
  const last = (value: string) => (fields: string[]) => [...fields.slice(0, -1), value];
  return [
    ["an empty file", "", "has no rows"],
    ["a row too short", replaced(5, (fields) => fields.slice(1)), "train/rows.csv, line 6"],
    ["a row too long", replaced(5, (fields) => [...fields, "1"]), "train/rows.csv, line 6"],
    ["text", replaced(7, last("many")), "train/rows.csv, line 8: value"],
    ["a header", `${lines[0]?.replaceAll(/[^,]+/g, "name")}\n${csvOf(rows)}`, "train/rows.csv, line 1"],
    ["a missing value", replaced(9, last("")), `row 10, feature ${width} is NaN`],
    ["infinity", replaced(9, last("1e60")), `row 10, feature ${width} is Infinity`],
  ];
}

/** RecordIO-protobuf files with one fault each, as `train/rows.pbr`. */
export function faultyRecordIo(rows: TestRows): FaultyFile[] {
  const width = rows.features[0]?.length ?? 0;
  const replaced = (row: number, change: (features: readonly number[]) => readonly number[]) =>
    recordIoOf({ ...rows, features: rows.features.map((each, i) => (i === row ? change(each) : each)) }, false);
  const last = (value: number) => (features: readonly number[]) => [...features.slice(0, -1), value];
  const whole = recordIoOf(rows, false);
  const unlabelled = Buffer.concat([whole, recordIoOf({ features: rows.features.slice(0, 1) }, false)]);
  const expected = `where ${width} were expected`;
  const count = rows.features.length;
  return [
    ["an empty file", "", "has no rows"],
    [
      "a row too short",
      replaced(5, (row) => row.slice(1)),
      `train/rows.pbr, record 6 has ${width - 1} features ${expected}`,
    ],
    [
      "a row too long",
      replaced(5, (row) => [...row, 1]),
      `train/rows.pbr, record 6 has ${width + 1} features ${expected}`,
    ],
    ["text", "1,2,3\n4,5,6\n", "train/rows.pbr, record 1: expected a RecordIO frame"],
    ["a file that is cut off", whole.subarray(0, -20), `train/rows.pbr, record ${count}: the frame is cut off`],
    ["a missing value", replaced(9, last(Number.NaN)), `row 10, feature ${width} is NaN`],
    ["infinity", replaced(9, last(1e60)), `row 10, feature ${width} is Infinity`],
    ...(rows.labels === undefined
      ? []
      : [["a row without a label", unlabelled, `train/rows.pbr, record ${count + 1} has 0 label(s)`] as const]),
  ];
}
