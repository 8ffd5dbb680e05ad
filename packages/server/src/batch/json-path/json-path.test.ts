import fc from "fast-check";
import { expect, test } from "vitest";
import { type JsonValue, parseJson } from "../records/lossless-json.ts";
import { parseJsonPath } from "./json-path.ts";
import { select } from "./select.ts";
import type { JsonPathStep } from "./step.ts";

const record = { id: 7, features: [1, 2, 3], "a b": { c: null }, list: [{ x: 1 }, { x: 2 }] };

test.for<[string, JsonValue]>([
  ["$", record],
  ["$.id", 7],
  ["$['id']", 7],
  ['$["a b"].c', null],
  ["$.['id','features']", { id: 7, features: [1, 2, 3] }],
  ["$['features', 'id']", { features: [1, 2, 3], id: 7 }],
  ["$.features[0]", 1],
  ["$.features[-1]", 3],
  ["$.features[0,-1]", [1, 3]],
  ["$.features[1:]", [2, 3]],
  ["$.features[:2]", [1, 2]],
  ["$.features[-2:]", [2, 3]],
  ["$.features[1:2]", [2]],
  ["$.features[ 0 : 9 ]", [1, 2, 3]],
  ["$.features[5:]", []],
  ["$.features[*]", [1, 2, 3]],
  ["$.list[*].x", [1, 2]],
  ["$.list.*.x", [1, 2]],
  ["$.list[0]['x']", 1],
  ["$['id','a b']['c']", "error"],
  ["$.features.*", [1, 2, 3]],
])("%s selects %j", ([text, wanted]) => {
  const found = (): JsonValue => select(parseJsonPath(text), record);
  if (wanted === "error") expect(found).toThrow(/wants the member "c" of a number/);
  else expect(found()).toEqual(wanted);
});

test("the end of a slice may be meant inclusively", () => {
  const of = (text: string): JsonValue => select(parseJsonPath(text), [0, 1, 2, 3, 4, 5], { inclusiveEnd: true });
  expect(of("$[1:4]")).toEqual([1, 2, 3, 4]);
  expect(of("$[:5]")).toEqual([0, 1, 2, 3, 4, 5]);
  expect(of("$[1:]")).toEqual([1, 2, 3, 4, 5]);
  expect(of("$[2:-1]")).toEqual([2, 3, 4, 5]);
  expect(of("$[2:-2]")).toEqual([2, 3, 4]);
});

test.for<[string, JsonValue, RegExp]>([
  ["$.x", {}, /^\$\.x: there is no "x"$/],
  ["$.x.y", { x: [1] }, /wants the member "y" of a list/],
  ["$[3]", [1, 2, 3], /there is no element 3 of 3/],
  ["$[-4]", [1, 2, 3], /there is no element -4 of 3/],
  ["$[0,7]", [1, 2, 3], /there is no element 7 of 3/],
  ["$[1:]", { a: 1 }, /wants elements of an object/],
  ["$['a','b']", { a: 1 }, /there is no "b"/],
  ["$.*", 1, /wants everything below a number/],
  ["$.toString", {}, /there is no "toString"/],
])("%s leads nowhere in %j", ([text, value, message]) => {
  expect(() => select(parseJsonPath(text), value)).toThrow(message);
});

test.for([
  ["", "a path begins with $"],
  ["features", "a path begins with $"],
  ["$features", "expected . or [ at character 2"],
  ["$..x", "recursive descent (..) is not supported"],
  ["$.", "expected a name at character 3"],
  ["$[?(@.x > 1)]", "filters are not supported"],
  ["$[(1)]", "filters are not supported"],
  ["$[0:2,246:]", "only single range filters of format (eg: [1:5]) are supported"],
  ["$[0,5:]", "only single range filters of format (eg: [1:5]) are supported"],
  ["$[0:5:2]", "only single range filters of format (eg: [1:5]) are supported"],
  ["$[a]", 'expected a whole number, * or a quoted name in brackets, got "a"'],
  ["$[]", 'expected a whole number, * or a quoted name in brackets, got ""'],
  ["$[1", "the bracket at character 2 is not closed"],
  ["$['a", "the name that begins at character 3 is not closed"],
  ["$['a',1]", "expected a quoted name at character 7"],
  ["$['a'", "expected ] at character 6"],
  ["$['a'['b']]", "expected ] at character 6"],
  ["$.a b", "expected . or [ at character 4"],
] as const)("%j is no path: %s", ([text, why]) => {
  expect(() => parseJsonPath(text)).toThrow(`Invalid JsonPath: ${text}: ${why}`);
});

const step: fc.Arbitrary<JsonPathStep> = fc.oneof(
  fc.string({ minLength: 1, maxLength: 6 }).map((name) => ({ kind: "key", name }) as const),
  fc
    .uniqueArray(fc.string({ maxLength: 4 }), { minLength: 2, maxLength: 3 })
    .map((names) => ({ kind: "keys", names }) as const),
  fc.integer({ min: -99, max: 99 }).map((index) => ({ kind: "index", index }) as const),
  fc
    .array(fc.integer({ min: -99, max: 99 }), { minLength: 2, maxLength: 4 })
    .map((indices) => ({ kind: "indices", indices }) as const),
  fc
    .record({ from: fc.integer({ min: -9, max: 9 }), to: fc.integer({ min: -9, max: 9 }) }, { requiredKeys: [] })
    .map((bounds) => ({ kind: "slice", ...bounds }) as const),
  fc.constant({ kind: "all" } as const),
);

function written(each: JsonPathStep): string {
  const quoted = (name: string): string => `'${name.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  switch (each.kind) {
    case "key":
      return `[${quoted(each.name)}]`;
    case "keys":
      return `[${each.names.map(quoted).join(",")}]`;
    case "index":
      return `[${each.index}]`;
    case "indices":
      return `[${each.indices.join(",")}]`;
    case "slice":
      return `[${each.from ?? ""}:${each.to ?? ""}]`;
    case "all":
      return "[*]";
  }
}

test("every path that is written is read as it was meant", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 5 }), (steps) => {
      // `-0` and `0` are one element.
      const plain = JSON.parse(JSON.stringify(steps)) as JsonPathStep[];
      expect(parseJsonPath(`$${plain.map(written).join("")}`).steps).toEqual(plain);
    }),
  );
});

test("any text is a path or refused as one, and never anything else", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."$.[]*'\",:-01ab\\ ?(") }), (text) => {
      try {
        parseJsonPath(`$${text}`);
      } catch (error) {
        expect(error).toMatchObject({ name: "JsonPathError", message: expect.stringContaining("Invalid JsonPath") });
      }
    }),
    { numRuns: 2_000 },
  );
});

test("elements and slices are those of the language's own lists", () => {
  const bound = fc.option(fc.integer({ min: -12, max: 12 }), { nil: undefined });
  fc.assert(
    fc.property(fc.array(fc.integer(), { maxLength: 10 }), bound, bound, (list, from, to) => {
      expect(select(parseJsonPath(`$[${from ?? ""}:${to ?? ""}]`), list)).toEqual(list.slice(from, to));
      if (from !== undefined && list.at(from) !== undefined) {
        expect(select(parseJsonPath(`$[${from}]`), list)).toBe(list.at(from));
      }
    }),
  );
});

test("members are found in every object that JSON can write", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), (object) => {
      const value = parseJson(JSON.stringify(object));
      for (const [name, wanted] of Object.entries(JSON.parse(JSON.stringify(object)) as Record<string, unknown>)) {
        const quoted = `'${name.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
        expect(JSON.parse(JSON.stringify(select(parseJsonPath(`$[${quoted}]`), value)))).toEqual(wanted);
      }
    }),
  );
});
