import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ListQuery, RecordKey, Store, StoredRecord } from "./store.ts";
import { InvalidPageToken } from "./store.ts";

interface Sample {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly createdAt: number;
  readonly status: string | undefined;
}

// Characters whose order by UTF-16 units differs from their order by bytes, beside plain ones that collide often.
const letter = fc.constantFrom(
  "a",
  "b",
  "B",
  "é",
  "\u{ffee}",
  "\u{1f600}",
  "\u{d7ff}",
  "\u{e000}",
  "\u{10ffff}",
  "%",
  "_",
);
const name = fc.array(letter, { minLength: 0, maxLength: 4 }).map((letters) => letters.join(""));
const sample: fc.Arbitrary<Sample> = fc.record({
  account: fc.constantFrom("1", "2"),
  region: fc.constantFrom("r", "s"),
  name,
  createdAt: fc.integer({ min: 1, max: 6 }),
  status: fc.constantFrom(undefined, "Done", "Failed", "Running", "é"),
});
const samples = fc.uniqueArray(sample, {
  minLength: 0,
  maxLength: 25,
  selector: (each) => JSON.stringify([each.account, each.region, each.name]),
});

const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined, freq: 2 });
const time = fc.integer({ min: 0, max: 7 });
const query = fc
  .record({
    account: optional(fc.constantFrom("1", "2")),
    region: optional(fc.constantFrom("r", "s")),
    prefix: optional(name),
    after: optional(name),
    from: optional(name),
    nameContains: optional(letter),
    status: optional(fc.constantFrom("Done", "Failed", "Running")),
    statusNot: optional(fc.subarray(["Done", "Failed", "é"])),
    createdAfter: optional(time),
    createdBefore: optional(time),
    modifiedAfter: optional(time),
    modifiedBefore: optional(time),
    sortBy: optional(fc.constantFrom("name" as const, "created" as const, "modified" as const, "status" as const)),
    descending: optional(fc.boolean()),
    limit: fc.integer({ min: 1, max: 6 }),
  })
  .map(({ after, from, ...rest }): Partial<ListQuery> & { limit: number } => {
    const isByName = rest.sortBy === undefined || rest.sortBy === "name";
    return defined({ ...rest, ...(isByName && { after, from }) });
  });

/** The part of the store contract that is about lists; registered by `storeContract`. */
export function pagingContract(store: () => Store, clock: () => { time: number }, reopen: () => Promise<Store>): void {
  describe("lists", () => {
    test("pages give every matching record once, in order, for every query", async () => {
      let round = 0;
      await fc.assert(
        fc.asyncProperty(samples, fc.array(query, { minLength: 8, maxLength: 8 }), async (records, queries) => {
          const kind = `noun-${round++}`;
          await fill(kind, records);
          for (const each of queries) {
            const full: ListQuery = { ...each, kind };
            expect(identities(await allPages(store(), full))).toEqual(identities(expected(kind, records, full)));
          }
        }),
        { numRuns: 40 },
      );
    });

    test("records written while paging neither repeat nor hide the others", async () => {
      let round = 0;
      await fc.assert(
        fc.asyncProperty(samples, samples, query, async (before, during, each) => {
          const kind = `busy-${round++}`;
          const full: ListQuery = { ...each, kind };
          await fill(kind, before);
          const late = [...during];
          const seen: StoredRecord[] = [];
          let token: string | undefined;
          do {
            const page = await store().list({ ...full, ...(token !== undefined && { token }) });
            seen.push(...page.records);
            token = page.next;
            const next = late.pop();
            if (next && !before.some((other) => sameKey(other, next))) await fill(kind, [next]);
          } while (token !== undefined);
          const found = identities(seen);
          expect(new Set(found).size).toBe(found.length);
          expect(found).toEqual(expect.arrayContaining(identities(expected(kind, before, full))));
          expect(found).toEqual(identities(inOrder(seen, full)));
        }),
        { numRuns: 40 },
      );
    });

    test("modified order and filters follow the last write", async () => {
      await fill(
        "noun",
        ["a", "b", "c"].map((each) => ({ ...scope, name: each, createdAt: 1, status: "Done" })),
      );
      clock().time = 9;
      await store().write([{ op: "update", key: { ...scope, kind: "noun", name: "a" }, value: 1, status: "Done" }]);
      const names = async (rest: Partial<ListQuery>) =>
        (await store().list({ kind: "noun", limit: 9, ...rest })).records.map((record) => record.name);
      expect(await names({ sortBy: "modified" })).toEqual(["b", "c", "a"]);
      expect(await names({ sortBy: "modified", descending: true, status: "Done" })).toEqual(["a", "c", "b"]);
      expect(await names({ modifiedAfter: 8 })).toEqual(["a"]);
      expect(await names({ modifiedBefore: 9 })).toEqual(["b", "c"]);
    });

    test("a page says there are more only when there are", async () => {
      await fill(
        "noun",
        ["a", "b"].map((each) => ({ ...scope, name: each, createdAt: 1, status: undefined })),
      );
      expect(await store().list({ kind: "noun", limit: 1 })).toHaveProperty("next");
      expect(await store().list({ kind: "noun", limit: 2 })).not.toHaveProperty("next");
      expect(await store().list({ kind: "none", limit: 2 })).toEqual({ records: [] });
    });

    test("a token goes on after reopening, with another page size, and only for its query", async () => {
      const all = ["a", "b", "c", "d"].map((each) => ({ ...scope, name: each, createdAt: 1, status: "Done" }));
      await fill("noun", all);
      const base: ListQuery = { ...scope, kind: "noun", status: "Done", sortBy: "created", limit: 2 };
      const { next } = await store().list(base);
      const token = next as string;
      const reopened = await reopen();
      const second = await reopened.list({ ...base, limit: 7, token });
      expect(second.records.map((record) => record.name)).toEqual(["c", "d"]);
      const others: Partial<ListQuery>[] = [
        { kind: "other" },
        { account: "2" },
        { status: "Failed" },
        { sortBy: "name" },
        { descending: true },
        { nameContains: "c" },
        { createdAfter: 0 },
      ];
      for (const change of others) {
        await expect(reopened.list({ ...base, ...change, token })).rejects.toBeInstanceOf(InvalidPageToken);
      }
    });

    test("a token that was altered or made up is refused", async () => {
      const all = ["a", "b", "c"].map((each) => ({ ...scope, name: each, createdAt: 1, status: "Done" }));
      await fill("noun", all);
      const base: ListQuery = { kind: "noun", limit: 1 };
      const { next } = await store().list(base);
      const token = next as string;
      const altered = fc
        .tuple(fc.nat(token.length - 1), fc.constantFrom("A", "Z", "a", "z", "0", "9", "-", "_"))
        .map(([at, character]) => {
          return token.slice(0, at) + character + token.slice(at + 1);
        });
      const madeUp = fc.oneof(fc.string(), fc.base64String(), altered).filter((each) => each !== token);
      await fc.assert(
        fc.asyncProperty(madeUp, async (each) => {
          await expect(store().list({ ...base, token: each })).rejects.toBeInstanceOf(InvalidPageToken);
        }),
      );
    });
  });

  async function fill(kind: string, records: readonly Sample[]): Promise<void> {
    for (const { account, region, name: recordName, createdAt, status } of records) {
      clock().time = createdAt;
      const key: RecordKey = { kind, account, region, name: recordName };
      await store().write([{ op: "create", key, value: createdAt, ...(status !== undefined && { status }) }]);
    }
  }
}

const scope = { account: "1", region: "r" };

async function allPages(store: Store, query: ListQuery): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  let token: string | undefined;
  do {
    const page = await store.list({ ...query, ...(token !== undefined && { token }) });
    expect(page.records.length).toBeLessThanOrEqual(query.limit);
    if (page.next !== undefined) expect(page.records.length).toBe(query.limit);
    records.push(...page.records);
    token = page.next;
  } while (token !== undefined);
  return records;
}

/** The contract in plain words: filter everything, sort everything. */
function expected(kind: string, records: readonly Sample[], query: ListQuery): StoredRecord[] {
  const all = records.map(({ status, createdAt, ...key }): StoredRecord => {
    const value = createdAt;
    return {
      ...key,
      kind,
      version: 1,
      createdAt,
      modifiedAt: createdAt,
      ...(status !== undefined && { status }),
      value,
    };
  });
  const matching = all.filter((record) => {
    const { prefix = "", after, from, nameContains = "" } = query;
    return (
      (query.account === undefined || record.account === query.account) &&
      (query.region === undefined || record.region === query.region) &&
      record.name.startsWith(prefix) &&
      (after === undefined || bytes(record.name, after) > 0) &&
      (from === undefined || bytes(record.name, from) >= 0) &&
      record.name.includes(nameContains) &&
      (query.status === undefined || record.status === query.status) &&
      !query.statusNot?.includes(record.status ?? "") &&
      record.createdAt > (query.createdAfter ?? -1) &&
      record.createdAt < (query.createdBefore ?? Number.MAX_SAFE_INTEGER) &&
      record.modifiedAt > (query.modifiedAfter ?? -1) &&
      record.modifiedAt < (query.modifiedBefore ?? Number.MAX_SAFE_INTEGER)
    );
  });
  return inOrder(matching, query);
}

function inOrder(records: readonly StoredRecord[], { sortBy = "name", descending }: ListQuery): StoredRecord[] {
  const first = (a: StoredRecord, b: StoredRecord): number => {
    if (sortBy === "created") return a.createdAt - b.createdAt;
    if (sortBy === "modified") return a.modifiedAt - b.modifiedAt;
    if (sortBy === "status") return bytes(a.status ?? "", b.status ?? "");
    return 0;
  };
  const sign = descending ? -1 : 1;
  return [...records].sort(
    (a, b) => sign * (first(a, b) || bytes(a.name, b.name) || bytes(a.account, b.account) || bytes(a.region, b.region)),
  );
}

function identities(records: readonly StoredRecord[]): string[] {
  return records.map((record) => JSON.stringify([record.account, record.region, record.name]));
}

function sameKey(a: Sample, b: Sample): boolean {
  return a.account === b.account && a.region === b.region && a.name === b.name;
}

function bytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never;
}
