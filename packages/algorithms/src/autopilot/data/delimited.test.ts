import fc from "fast-check";
import { expect, test } from "vitest";
import { readDelimited, writeDelimited } from "./delimited.ts";

const read = (text: string) => readDelimited(text, { file: "train/a.csv", hasHeader: true });

test("fields in quotes hold commas, line ends and quotes", () => {
  const { names, columns } = read('\uFEFFa,"b, c"\r\n1,"x\n""y"""\r\n\r\n,z');
  expect(names).toEqual(["a", "b, c"]);
  expect(columns).toEqual([
    ["1", ""],
    ['x\n"y"', "z"],
  ]);
});

test("words for missing values are missing, and white space is dropped", () => {
  expect(read("a\n NaN \nnull\n x \nnone of it").columns).toEqual([["", "", "x", "none of it"]]);
});

test.for([
  ["a,b\n1,2\n3", "train/a.csv, record 3: it has 1 field(s) where 2 are expected."],
  ["", "train/a.csv is empty: it has not even a header."],
  ["a,a\n1,2", "train/a.csv: the header has the column 'a' twice."],
  ["a,\n1,2", "train/a.csv: column 2 of the header has no name."],
  ['a\n"x', "train/a.csv: a quoted field is not closed: x"],
])("%j is refused", ([text, message]) => {
  expect(() => read(text as string)).toThrow(message as string);
});

test("what is written is read back", () => {
  const field = fc.string({ unit: fc.constantFrom("a", "1", ",", '"', "\n", "\r", "é") }).map((text) => `x${text}x`);
  fc.assert(
    fc.property(fc.array(fc.tuple(field, field)), (rows) => {
      const columns = [rows.map(([a]) => a), rows.map(([, b]) => b)];
      const table = { names: ["a", "b"], count: rows.length, columns };
      expect(read(writeDelimited(table))).toEqual(table);
    }),
  );
});
