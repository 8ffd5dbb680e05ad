import fc from "fast-check";
import { expect, test } from "vitest";
import { CsvKernel } from "./csv-kernel.ts";
import { readOddField } from "./odd-field.ts";
import { countFields, countRows, fieldText, type OddField, parseRows, parseStatus } from "./parse-rows.ts";

const field = fc.oneof(
  { weight: 6, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }).map(String) },
  { weight: 2, arbitrary: fc.integer().map(String) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("", " ", "1 ", " -1", "nan", '"1"', "x", "1.5e-7", "\t2", "3\r", "1.", ".5", "-"),
  },
);
const line = fc.array(field, { minLength: 1, maxLength: 4 }).map((fields) => fields.join(","));
const text = fc
  .tuple(fc.array(line, { maxLength: 20 }), fc.constantFrom("\n", "\r\n", "\n\n"))
  .map(([lines, ending]) => lines.map((content) => content + ending).join(""));

const nonsense = -12345;

function settle(
  bytes: Uint8Array,
  labelWidth: number,
  part: { labels: Float32Array; features: Float32Array; odd: readonly OddField[]; rows: number },
): void {
  for (const { row, column, at, length } of part.odd) {
    if (row >= part.rows) continue;
    const value = readOddField(fieldText(bytes, at, length)) ?? nonsense;
    if (column < labelWidth) part.labels[row * labelWidth + column] = value;
    else part.features[row * (3 - labelWidth) + column - labelWidth] = value;
  }
}

test("kernel and twin agree on any text", () => {
  const kernel = new CsvKernel();
  fc.assert(
    fc.property(text, fc.integer({ min: 0, max: 2 }), (content, labelWidth) => {
      const bytes = Buffer.from(content);
      const shape = { labelWidth, columns: 3 };
      kernel.text(bytes.length, 3).set(bytes);
      const maxRows = countRows(bytes, 0, bytes.length);
      expect(kernel.countRows(0, bytes.length)).toBe(maxRows);
      const labels = new Float32Array(maxRows * labelWidth);
      const features = new Float32Array(maxRows * (3 - labelWidth));
      const twin = parseRows(bytes, 0, bytes.length, shape, { labels, features, firstRow: 0 });
      const got = kernel.parseRows({ begin: 0, end: bytes.length, length: bytes.length, maxRows }, shape);
      expect({ status: got.status, rows: got.rows, fields: got.fields }).toEqual({
        status: twin.status,
        rows: twin.rows,
        fields: twin.fields,
      });
      if (got.status !== parseStatus.done) expect(got.at).toBe(twin.at);
      // The kernel calls a number odd where it cannot be sure of the last bit; the caller reads those.
      settle(bytes, labelWidth, { labels, features, odd: twin.odd, rows: twin.rows });
      settle(bytes, labelWidth, got);
      expect(got.labels).toEqual(labels.subarray(0, got.labels.length));
      expect(got.features).toEqual(features.subarray(0, got.features.length));
    }),
    { numRuns: 1000 },
  );
});

test("no text is no rows, in both", () => {
  const kernel = new CsvKernel();
  kernel.text(0, 1);
  expect(kernel.countRows(0, 0)).toBe(0);
  expect(kernel.parseRows({ begin: 0, end: 0, length: 0, maxRows: 0 }, { labelWidth: 0, columns: 1 })).toMatchObject({
    status: parseStatus.done,
    rows: 0,
  });
  expect(countRows(new Uint8Array(), 0, 0)).toBe(0);
});

test.for<[string, number]>([
  ["1", 1],
  ["1,2,3\n4", 3],
  ['"1,5",2\n', 2],
  [",\n", 2],
])("the fields of %j are counted", ([content, expected]) => {
  expect(countFields(Buffer.from(content), 0)).toBe(expected);
});
