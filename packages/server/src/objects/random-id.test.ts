import { expect, test } from "vitest";
import { randomHex } from "./random-id.ts";

test("ids have their length and never repeat, across refills of the pool too", () => {
  const ids = Array.from({ length: 5_000 }, (_, index) => randomHex(index % 2 === 0 ? 16 : 8));
  for (const [index, id] of ids.entries()) expect(id).toMatch(index % 2 === 0 ? /^[0-9a-f]{32}$/ : /^[0-9a-f]{16}$/);
  expect(new Set(ids.map((id) => id.slice(0, 16))).size).toBe(ids.length);
});
