import { expect, test } from "vitest";
import { randomStream } from "../../numerics/random.ts";
import { parseCsvRequest } from "./parse-request.ts";

const width = 5;
const random = randomStream(4);
const number = (i: number) => {
  const value = random.normal() * 10 ** ((i % 13) - 6);
  return [String(value), value.toFixed(6), value.toExponential(9), String(Math.round(value)), ""][i % 5] as string;
};
/** So many that the kernel reads them. */
const lines = Array.from({ length: 4000 }, (_, row) =>
  Array.from({ length: width }, (_, column) => number(row * width + column + row)).join(","),
);
const bytes = (text: readonly string[], end = "\n") => Buffer.from(text.join(end));
/** The same rows from bodies so small that the kernel is left out. */
function byTwin(text: readonly string[], labelWidth: number): Float32Array {
  const parts = text.map((line) => parseCsvRequest(Buffer.from(line), width - labelWidth, labelWidth).values);
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

test.for([0, 1])("a large body has the rows of small ones, %i label(s) left out", (labelWidth) => {
  const wanted = byTwin(lines, labelWidth);
  expect(wanted.some(Number.isNaN)).toBe(true); // empty fields are missing values
  for (const end of ["\n", "\r\n", "\n\n"]) {
    const body = bytes(lines, end);
    expect(body.length).toBeGreaterThan(128 * 1024);
    const rows = parseCsvRequest(body, width - labelWidth, labelWidth);
    expect(rows).toEqual({ kind: "dense", count: lines.length, width: width - labelWidth, values: wanted });
  }
  const ended = parseCsvRequest(Buffer.concat([bytes(lines), Buffer.from("\n")]), width - labelWidth, labelWidth);
  expect(ended.values).toEqual(wanted);
});

test("rows of one request do not change with the next", () => {
  const first = parseCsvRequest(bytes(lines), width, 0).values;
  const copy = first.slice();
  parseCsvRequest(bytes(lines.toReversed()), width, 0);
  expect(first).toEqual(copy);
});

test.for<[string, string, string]>([
  ["text", "1,2,three,4,5", "Value 3 of row 3001 is not a number: 'three'."],
  ["a row too short", "1,2,3", "Row 3001 has 3 features where the model takes 5."],
  ["a row too long", "1,2,3,4,5,6", "Row 3001 has 6 features where the model takes 5."],
])("%s in a large body is named by its row", ([, line, message]) => {
  expect(() => parseCsvRequest(bytes(lines.with(3000, line)), width, 0)).toThrow(message);
});

test("words for missing values and quotes are read in large bodies, too", () => {
  const odd = lines.with(7, '"1.5",NaN,nan,NA,2');
  expect(parseCsvRequest(bytes(odd), width, 0).values).toEqual(byTwin(odd, 0));
});

test("a large body without rows has none", () => {
  expect(() => parseCsvRequest(Buffer.alloc(200_000, "\n"), width, 0)).toThrow("The body has no rows.");
});
