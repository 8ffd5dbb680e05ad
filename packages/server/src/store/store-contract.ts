import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pagingContract } from "./paging-contract.ts";
import type { RecordKey, Store } from "./store.ts";
import { WriteConflict } from "./store.ts";

/** A backend as its contract suite needs it. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens the same data again. */
  reopen(): Promise<Store>;
  /** Removes the data. */
  dispose(): Promise<void>;
}

/** A clock that stands still until a test moves it. */
export class TestClock {
  time = 1_000_000;
  now(): number {
    return this.time;
  }
}

/** Registers the contract that every store backend passes. */
export function storeContract(backend: string, open: (clock: TestClock) => Promise<StoreUnderTest>): void {
  describe(backend, () => {
    let clock: TestClock;
    let under: StoreUnderTest;
    let store: Store;

    beforeEach(async () => {
      clock = new TestClock();
      under = await open(clock);
      store = under.store;
    });
    afterEach(() => under.dispose());

    test("a record is found by its key, with version, times and status", async () => {
      const [created] = await store.write([
        { op: "create", key: key("a"), value: { x: [1, null, "ü"] }, status: "New" },
      ]);
      expect(created).toEqual({
        ...key("a"),
        version: 1,
        createdAt: 1_000_000,
        modifiedAt: 1_000_000,
        status: "New",
        value: { x: [1, null, "ü"] },
      });
      expect(await store.get(key("a"))).toEqual(created);
      clock.time += 5;
      const [updated] = await store.write([{ op: "update", key: key("a"), value: "two" }]);
      expect(updated).toEqual({ ...key("a"), version: 2, createdAt: 1_000_000, modifiedAt: 1_000_005, value: "two" });
      expect(await store.get(key("a"))).toEqual(updated);
    });

    test("every part of the key tells records apart", async () => {
      const keys = [
        key("a"),
        key("A"),
        key("a "),
        { ...key("a"), account: "2" },
        { ...key("a"), region: "r2" },
        { ...key("a"), kind: "other" },
        { ...key("a"), account: "", region: "" },
      ];
      await store.write(keys.map((each, value) => ({ op: "create", key: each, value })));
      for (const [value, each] of keys.entries()) expect((await store.get(each))?.value).toBe(value);
      expect(await store.get(key("b"))).toBeUndefined();
    });

    test.for([
      ["create of a taken name", { op: "create", key: key("taken"), value: 2 }, "exists"],
      ["update of nothing", { op: "update", key: key("free"), value: 2 }, "absent"],
      ["update of another version", { op: "update", key: key("taken"), version: 2, value: 2 }, "version"],
      ["delete of nothing", { op: "delete", key: key("free") }, "absent"],
      ["delete of another version", { op: "delete", key: key("taken"), version: 9 }, "version"],
    ] as const)("%s fails the whole transaction", async ([, write, reason]) => {
      await store.write([{ op: "create", key: key("taken"), value: 1 }]);
      const writing = store.write([{ op: "put", key: key("beside"), value: 1 }, write]);
      await expect(writing).rejects.toBeInstanceOf(WriteConflict);
      await expect(writing).rejects.toMatchObject({ key: write.key, reason });
      await expect(store.write([write])).rejects.toMatchObject({ key: write.key, reason });
      expect(await store.get(key("beside"))).toBeUndefined();
      expect(await store.get(key("taken"))).toMatchObject({ version: 1, value: 1 });
    });

    test("put writes over whatever is there, and keeps the creation time", async () => {
      await store.write([{ op: "put", key: key("a"), value: 1, status: "One" }]);
      clock.time += 1;
      const [second] = await store.write([{ op: "put", key: key("a"), value: 2 }]);
      expect(second).toEqual({ ...key("a"), version: 2, createdAt: 1_000_000, modifiedAt: 1_000_001, value: 2 });
    });

    test("a deleted name can be created again, as a new record", async () => {
      await store.write([{ op: "create", key: key("a"), value: 1 }]);
      expect(await store.write([{ op: "delete", key: key("a"), version: 1 }])).toEqual([undefined]);
      clock.time += 1;
      expect(await store.get(key("a"))).toBeUndefined();
      const [again] = await store.write([{ op: "create", key: key("a"), value: 1 }]);
      expect(again).toMatchObject({ version: 1, createdAt: 1_000_001 });
    });

    test("writes of one transaction see each other", async () => {
      const written = await store.write([
        { op: "create", key: key("a"), value: 1 },
        { op: "update", key: key("a"), version: 1, value: 2 },
        { op: "delete", key: key("a"), version: 2 },
        { op: "create", key: key("a"), value: 3 },
      ]);
      expect(written.map((record) => record?.version)).toEqual([1, 2, undefined, 1]);
      expect((await store.get(key("a")))?.value).toBe(3);
    });

    test("a conflict fails alone among transactions committed together", async () => {
      await store.write([{ op: "create", key: key("taken"), value: 0 }]);
      const results = await Promise.allSettled(
        Array.from({ length: 50 }, (_, index) =>
          store.write([
            { op: "create", key: key(`n${index}`), value: index },
            ...(index % 3 === 0 ? [{ op: "create", key: key("taken"), value: 1 } as const] : []),
          ]),
        ),
      );
      for (const [index, result] of results.entries()) {
        expect(result.status).toBe(index % 3 === 0 ? "rejected" : "fulfilled");
        expect(await store.get(key(`n${index}`))).toEqual(index % 3 === 0 ? undefined : expect.anything());
      }
    });

    test("of many who update the same version, one wins", async () => {
      await store.write([{ op: "create", key: key("a"), value: 0 }]);
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, value) => store.write([{ op: "update", key: key("a"), version: 1, value }])),
      );
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await store.get(key("a"))).toMatchObject({ version: 2 });
    });

    test("an acknowledged write is read at once, and after reopening", async () => {
      for (let value = 1; value <= 20; value++) {
        await store.write([{ op: "put", key: key("a"), value }]);
        expect((await store.get(key("a")))?.value).toBe(value);
        expect((await store.list({ ...scope, limit: 1 })).records[0]?.value).toBe(value);
      }
      store = await under.reopen();
      expect(await store.get(key("a"))).toMatchObject({ version: 20, value: 20 });
    });

    test("any well-formed name and JSON value comes back as it was", async () => {
      const names = fc.string({ unit: "binary" }).filter((name) => !name.includes("\0") && name.isWellFormed());
      await fc.assert(
        fc.asyncProperty(names, fc.jsonValue({ noUnicodeString: false }), async (name, value) => {
          const json = JSON.parse(JSON.stringify(value)) as unknown;
          await store.write([{ op: "put", key: key(name), value }]);
          expect(await store.get(key(name))).toMatchObject({ name, value: json });
        }),
        { numRuns: 50 },
      );
    });

    test.for(["a\0b", "\ud800", "a\udc00b"])("the name %j is refused", async (name) => {
      await expect(store.write([{ op: "put", key: key(name), value: 1 }])).rejects.toThrow("well-formed");
      await store.write([{ op: "put", key: key(name.toWellFormed().replaceAll("\0", "\ufffd")), value: 1 }]);
      expect(await store.get(key(name))).toBeUndefined();
    });

    test("a watch hears of committed writes of its kinds, and of nothing else", async () => {
      const heard: RecordKey[] = [];
      const stop = store.watch(["noun"], (each) => heard.push(each));
      await store.write([
        { op: "create", key: key("a"), value: 1 },
        { op: "create", key: { ...key("b"), kind: "other" }, value: 1 },
      ]);
      await store.write([{ op: "create", key: key("a"), value: 1 }]).catch(() => {});
      await store.write([{ op: "delete", key: key("a") }]);
      expect(heard).toEqual([key("a"), key("a")]);
      stop();
      await store.write([{ op: "create", key: key("a"), value: 1 }]);
      expect(heard).toHaveLength(2);
    });

    test("when a watch hears of a write, the record can be read", async () => {
      const seen = new Promise((resolve) => store.watch(["noun"], (each) => resolve(store.get(each))));
      await store.write([{ op: "create", key: key("a"), value: "there" }]);
      expect(await seen).toMatchObject({ value: "there" });
    });

    test("a lease has one owner until it expires or is given back", async () => {
      expect(await store.getLease("x")).toBeUndefined();
      expect(await store.acquireLease("x", "one", 100)).toEqual({ name: "x", owner: "one", expiresAt: 1_000_100 });
      expect(await store.getLease("x")).toEqual({ name: "x", owner: "one", expiresAt: 1_000_100 });
      expect(await store.acquireLease("x", "two", 100)).toBeUndefined();
      expect(await store.acquireLease("y", "two", 100)).toBeDefined();
      clock.time += 60;
      expect(await store.acquireLease("x", "one", 100)).toMatchObject({ expiresAt: 1_000_160 });
      clock.time += 99;
      expect(await store.acquireLease("x", "two", 100)).toBeUndefined();
      clock.time += 1;
      expect(await store.getLease("x")).toBeUndefined();
      expect(await store.acquireLease("x", "two", 100)).toMatchObject({ owner: "two" });
      await store.releaseLease("x", "one");
      expect(await store.acquireLease("x", "one", 100)).toBeUndefined();
      await store.releaseLease("x", "two");
      expect(await store.acquireLease("x", "one", 100)).toMatchObject({ owner: "one" });
    });

    test("of many who want a lease at once, one gets it", async () => {
      const wanted = Array.from({ length: 20 }, (_, owner) => store.acquireLease("x", String(owner), 100));
      expect((await Promise.all(wanted)).filter((lease) => lease !== undefined)).toHaveLength(1);
    });

    test("closing waits for writes under way and refuses later ones", async () => {
      const writing = store.write([{ op: "create", key: key("a"), value: 1 }]);
      await store.close();
      await expect(writing).resolves.toMatchObject([{ version: 1 }]);
      await expect(store.write([{ op: "create", key: key("b"), value: 1 }])).rejects.toThrow("closed");
      store = await under.reopen();
      expect(await store.get(key("a"))).toBeDefined();
    });

    pagingContract(
      () => store,
      () => clock,
      () => under.reopen(),
    );
  });
}

const scope = { account: "1", region: "r", kind: "noun" };

function key(name: string): RecordKey {
  return { ...scope, name };
}
