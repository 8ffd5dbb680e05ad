import { expect, test } from "vitest";
import { tooMuch } from "./json-size.ts";

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
const structures = (count: number): string => JSON.stringify(Array.from({ length: count }, () => ({})));
const map = (count: number): string =>
  JSON.stringify({ Map: Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, "1,2"])) });

test.for<[string, string, RegExp | undefined]>([
  ["a million numbers in a list", JSON.stringify({ Values: Array.from({ length: 1_000_000 }, () => 1) }), undefined],
  ["as many structures as there may be", structures(99_999), undefined],
  ["one more", structures(100_000), /more than 100000 structures and lists/u],
  ["deep nesting", nested(100_000), undefined],
  ["deeper nesting", nested(100_001), /structures and lists/u],
  ["as many members as there may be", map(10_000), undefined],
  ["a map of more", map(10_001), /more than 10000 members/u],
  ["brackets and commas in a text", JSON.stringify({ a: `\\"${'{[,"'.repeat(100_000)}` }), undefined],
  ["what is not JSON", '"'.repeat(100_001), undefined],
  ["more ends than beginnings", `${"]".repeat(70_000)},{,`, undefined],
])("%s", ([, text, expected]) => {
  const found = tooMuch(Buffer.from(text));
  if (expected === undefined) expect(found).toBeUndefined();
  else expect(found).toMatch(expected);
});
