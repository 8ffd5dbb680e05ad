import type { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ListQuery } from "../store.ts";
import { compareText, listStatement, successor } from "./list-statement.ts";
import { openForWriting } from "./schema.ts";

let database: DatabaseSync;
beforeAll(() => {
  database = openForWriting(":memory:");
});
afterAll(() => database.close());

const position = { sortValue: 5, name: "m", account: "1", region: "r" };
const queries: [string, Partial<ListQuery>, string][] = [
  ["name order", {}, "record_name (kind=? AND account=? AND region=? AND name>?)"],
  ["a prefix", { prefix: "a/" }, "record_name (kind=? AND account=? AND region=? AND name>? AND name<?)"],
  [
    "created order",
    { sortBy: "created" },
    "record_created (kind=? AND account=? AND region=? AND (created_at,name)>(?,?))",
  ],
  [
    "newest first",
    { sortBy: "created", descending: true },
    "record_created (kind=? AND account=? AND region=? AND (created_at,name)<(?,?))",
  ],
  [
    "modified order",
    { sortBy: "modified" },
    "record_modified (kind=? AND account=? AND region=? AND (modified_at,name)>(?,?))",
  ],
  ["status order", { sortBy: "status" }, "record_status (kind=? AND account=? AND region=? AND (status,name)>(?,?))"],
  ["one status by name", { status: "A" }, "record_status (kind=? AND account=? AND region=? AND status=? AND name>?)"],
  [
    "one status, newest first, in a span of time",
    { status: "A", sortBy: "created", descending: true, createdAfter: 2, createdBefore: 9 },
    "record_status_created (kind=? AND account=? AND region=? AND status=? AND created_at>? AND (created_at,name)<(?,?))",
  ],
  [
    "one status, modified order",
    { status: "A", sortBy: "modified" },
    "record_status_modified (kind=? AND account=? AND region=? AND status=? AND (modified_at,name)>(?,?))",
  ],
];

test.for(queries)("%s continues as one range of an index, without sorting", ([, change, range]) => {
  const query: ListQuery = { kind: "k", limit: 10, ...change };
  const branch = { account: "1", region: "r", ...(query.status !== undefined && { status: query.status }) };
  expect(plan(query, [branch])).toEqual([expect.stringContaining(range)]);
});

test.for<[string, Partial<ListQuery>, string]>([
  [
    "created",
    { sortBy: "name", createdAfter: 3, createdBefore: 9 },
    "record_created (kind=? AND account=? AND region=? AND created_at>? AND created_at<?)",
  ],
  [
    "modified",
    { sortBy: "created", modifiedAfter: 3, status: "A" },
    "record_status_modified (kind=? AND account=? AND region=? AND status=? AND modified_at>?)",
  ],
])("a small span of %s times is found by its own index and then sorted", ([, change, range]) => {
  const query: ListQuery = { kind: "k", limit: 10, ...change };
  const branch = { account: "1", region: "r", ...(query.status !== undefined && { status: query.status }) };
  const probes: string[] = [];
  const { sql, values } = listStatement(query, [branch], undefined, 11, (probe) => {
    probes.push(...explain(probe.sql, probe.values));
    return true;
  });
  expect(probes).toContainEqual(expect.stringContaining(`COVERING INDEX ${range}`));
  expect(explain(sql, values)).toContainEqual(expect.stringContaining(range));
});

test("a rescan over unfinished statuses and scopes merges ranges", () => {
  const branches = ["1", "2"].flatMap((account) => ["A", "B"].map((status) => ({ account, region: "r", status })));
  const steps = plan({ kind: "k", limit: 10 }, branches);
  expect(
    steps.filter((step) => step.includes("record_status (kind=? AND account=? AND region=? AND status=?")),
  ).toHaveLength(4);
  // Only the merged rows of the page are sorted, never the records.
  expect(steps.filter((step) => step.startsWith("SCAN record"))).toEqual([]);
});

test("many scopes are answered by one statement, with the same results", async () => {
  const insert = database.prepare("INSERT INTO record VALUES ('many', ?, 'r', ?, 1, 1, 1, '', '0')");
  const accounts = Array.from({ length: 70 }, (_, index) => String(index));
  for (const account of accounts) insert.run(account, `n${Number(account) % 7}`);
  const query: ListQuery = { kind: "many", limit: 10 };
  const branches = accounts.map((account) => ({ account, region: "r" }));
  const run = (some: typeof branches) => {
    const { sql, values } = listStatement(query, some, { ...position, sortValue: "n3", name: "n3", account: "3" }, 100);
    return database.prepare(sql).all(...values);
  };
  const merged = [...run(branches.slice(0, 35)), ...run(branches.slice(35))];
  expect(run(branches)).toHaveLength(merged.length);
  expect(new Set(run(branches).map((row) => row["account"]))).toEqual(new Set(merged.map((row) => row["account"])));
});

test("the successor of a prefix is the least text above all that begin with it", () => {
  const text = fc.string({ unit: "binary", maxLength: 4 }).filter((each) => each.isWellFormed());
  fc.assert(
    fc.property(text, text, (prefix, other) => {
      const above = successor(prefix);
      if (above === undefined) return;
      expect(compareText(prefix + other, above)).toBeLessThan(0);
      if (compareText(other, prefix) > 0 && !other.startsWith(prefix))
        expect(compareText(other, above)).toBeGreaterThanOrEqual(0);
    }),
  );
  expect(successor("a\u{d7ff}")).toBe("a\u{e000}");
  expect(successor("a\u{10ffff}")).toBe("b");
  expect(successor("\u{10ffff}")).toBeUndefined();
});

function plan(query: ListQuery, branches: Parameters<typeof listStatement>[1]): string[] {
  const { sql, values } = listStatement(query, branches, position, 11);
  const steps = explain(sql, values);
  if (branches.length === 1) expect(steps.filter((step) => step.includes("TEMP B-TREE"))).toEqual([]);
  return steps;
}

function explain(sql: string, values: readonly (string | number)[]): string[] {
  const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
  return rows.map((row) => String(row["detail"]));
}
