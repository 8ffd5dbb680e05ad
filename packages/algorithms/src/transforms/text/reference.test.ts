import { expect, test } from "vitest";
import { openTransform } from "../fit.ts";
import { reference } from "../fixtures/reference.ts";
import { toRows } from "../table/to-rows.ts";
import { expectColumns, fitAndCheck, listsOf, textsTable } from "../testkit/tables.ts";
import { termsOf } from "./terms.ts";
import type { TextCountsSpec } from "./text-counts.ts";
import type { TfIdfSpec } from "./tf-idf.ts";

const { documents, fresh, cases } = reference.text;

test.for<[string, TextCountsSpec | TfIdfSpec]>([
  ["words", { kind: "text-counts" }],
  ["1 to 2 words", { kind: "text-counts", ngrams: [1, 2], stopWords: ["the"], binary: true }],
  ["characters", { kind: "text-counts", analyzer: "character", ngrams: [2, 3], minRows: 2 }],
  ["cased, of 2 rows, not of half", { kind: "text-counts", caseSensitive: true, minRows: 2, maxRows: 0.4 }],
  ["tf-idf", { kind: "tf-idf" }],
  ["tf-idf, 3 words", { kind: "tf-idf", maxTerms: 3 }],
  ["tf-idf, sublinear, of any length", { kind: "tf-idf", sublinear: true, norm: "none", ngrams: [1, 2] }],
])("%s, as scikit-learn", ([name, spec]) => {
  const others = textsTable([fresh]);
  const { fitted, training } = fitAndCheck(spec, { table: textsTable([documents]) }, others);
  const wanted = cases[name];
  expect(documents.map((document) => termsOf(document, spec))).toEqual(wanted?.tokens);
  expect([...training.table.columns.keys()]).toEqual(wanted?.terms.map((term) => `a: ${term}`));
  expectColumns(training.table, wanted?.train ?? [], 1e-14);
  expectColumns(openTransform(fitted)(others), wanted?.fresh ?? [], 1e-14);
});

test("rows of words are sparse, and a missing text has none", () => {
  const { training } = fitAndCheck({ kind: "tf-idf" }, { table: textsTable([[...documents, null]]) });
  expect(toRows(training.table).kind).toBe("sparse");
  expect(listsOf(training.table).every((column) => column.at(-1) === 0)).toBe(true);
});
