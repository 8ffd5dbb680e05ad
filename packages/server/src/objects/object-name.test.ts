import fc from "fast-check";
import { expect, test } from "vitest";
import { afterPrefix, compareByteOrder, escapeKey, keyOfName, unescapeKey, versionsOf } from "./object-name.ts";

/** Keys with the characters that break naive schemes over-represented. */
const key = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom("a", "A", "/", ".", "\0", "\u0001", "\u0002", "\u0003", "\u{1f600}", "\uffff", " "),
    maxLength: 8,
  }),
);

test("escaping round-trips, holds no NUL and keeps byte order", () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      expect(unescapeKey(escapeKey(a))).toBe(a);
      expect(escapeKey(a)).not.toContain("\0");
      const order = Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(Math.sign(compareByteOrder(a, b))).toBe(order);
      expect(Math.sign(compareByteOrder(escapeKey(a), escapeKey(b)))).toBe(order);
    }),
    { numRuns: 1000 },
  );
});

test("the versions of a key stand together, in the order of keys", () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      expect(keyOfName(`${versionsOf("bucket", a)}00ff`)).toBe(a);
      const order = Math.sign(compareByteOrder(a, b));
      const highest = `${versionsOf("bucket", a)}ffff`;
      const lowest = `${versionsOf("bucket", b)}0000`;
      if (order < 0) expect(compareByteOrder(highest, lowest)).toBeLessThan(0);
    }),
    { numRuns: 1000 },
  );
});

test("the text after a prefix is above everything that begins with it, and nothing is between", () => {
  fc.assert(
    fc.property(key, key, (prefix, rest) => {
      const next = afterPrefix(prefix);
      if (next === undefined) return;
      expect(compareByteOrder(prefix + rest, next)).toBeLessThan(0);
      if (!rest.startsWith(prefix) && compareByteOrder(rest, prefix) > 0) {
        expect(compareByteOrder(rest, next)).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: 1000 },
  );
  expect(afterPrefix("")).toBeUndefined();
  expect(afterPrefix("\u{10ffff}")).toBeUndefined();
  expect(afterPrefix("a\u{10ffff}")).toBe("b");
});
