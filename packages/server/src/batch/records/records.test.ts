import fc from "fast-check";
import { expect, test } from "vitest";
import { splitCsvRow } from "./csv-row.ts";
import { parseJson } from "./lossless-json.ts";

test.for([
  "12345678901234567890",
  "1.0",
  "1e5",
  "-0",
  "0.10",
  "-0.5",
  '{"id":12345678901234567890,"x":[1.50,2,1E-7],"text":"1.0"}',
])("%s is written as it was read", (text) => {
  expect(JSON.stringify(parseJson(text))).toBe(text);
});

test("JSON comes back equal, whatever it is", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(JSON.parse(JSON.stringify(parseJson(text)))).toEqual(JSON.parse(text));
    }),
  );
});

const column = fc.oneof(
  fc.stringMatching(/^[^",\r\n]*$/),
  fc.stringMatching(/^[^\r\n]*$/).map((text) => `"${text.replaceAll('"', '""')}"`),
);

test("the columns of a row are its columns as they stand", () => {
  fc.assert(
    fc.property(fc.array(column, { minLength: 1, maxLength: 6 }), (columns) => {
      expect(splitCsvRow(columns.join(","))).toEqual(columns);
    }),
  );
});

test.for([
  ['1,"a,b', "column 2 begins with a quote that is not closed in its line"],
  ['"a"b,1', "column 1 goes on behind its closing quote"],
] as const)("%s is refused: %s", ([row, message]) => {
  expect(() => splitCsvRow(row)).toThrow(message);
});
