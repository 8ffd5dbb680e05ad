import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { silentLog } from "../log.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Store, StoredRecord } from "../store/store.ts";
import { TestClock } from "../store/store-contract.ts";
import { createLoop } from "./loop.ts";
import { ManualTimers } from "./manual-timers.ts";
import type { Controller, Outcome, ReconcileLoop } from "./reconcile.ts";
import { again, done, TerminalError } from "./reconcile.ts";

let folder: string;
let store: Store;
let timers: ManualTimers;
let loops: ReconcileLoop[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sagebrush-loop-"));
  store = await openSqliteStore(join(folder, "records.db"), { clock: new TestClock(), commit: "inline" });
  timers = new ManualTimers();
  loops = [];
});
afterEach(async () => {
  await Promise.all(loops.map((loop) => loop.stop()));
  await store.close();
  await rm(folder, { recursive: true });
});

const key = (name: string, kind = "job") => ({ account: "1", region: "r", kind, name });

/** A loop over one kind whose steps are recorded as `name@version`. */
function startLoop(reconcile: (record: StoredRecord) => Promise<Outcome>, change: Partial<Controller> = {}) {
  const steps: string[] = [];
  const controller = {
    kind: "job",
    finalStatuses: ["Done"],
    concurrency: 4,
    ...change,
    reconcile: (record: StoredRecord) => {
      steps.push(`${record.name}@${record.version}`);
      return reconcile(record);
    },
  } as Controller;
  const loop = createLoop({
    store,
    controllers: [controller],
    log: silentLog,
    timers,
    random: () => 0,
    rescanMs: 10_000,
  });
  loops.push(loop);
  return { loop, steps };
}

test("start looks at every unfinished record, in any account and region, over many pages", async () => {
  const names = Array.from({ length: 1_203 }, (_, index) => `n${index}`);
  await store.write(
    names.map((name, index) => ({
      op: "create",
      key: { ...key(name), region: `r${index % 3}` },
      value: 0,
      status: index % 2 ? "Done" : "New",
    })),
  );
  await store.write([{ op: "create", key: key("without-status"), value: 0 }]);
  const { loop, steps } = startLoop(async () => done);
  await loop.start();
  const unfinished = names.filter((_, index) => index % 2 === 0).map((name) => `${name}@1`);
  await vi.waitFor(() => expect(new Set(steps)).toEqual(new Set([...unfinished, "without-status@1"])));
});

test("a record written later is looked at, final or not, as it is then", async () => {
  const { loop, steps } = startLoop(async () => done);
  await loop.start();
  await store.write([{ op: "create", key: key("a"), value: 0, status: "New" }]);
  await vi.waitFor(() => expect(steps).toEqual(["a@1"]));
  await store.write([{ op: "update", key: key("a"), value: 0, status: "Done" }]);
  await vi.waitFor(() => expect(steps).toEqual(["a@1", "a@2"]));
});

test("steps follow each other until the record is done, each from the record as it is", async () => {
  const { loop, steps } = startLoop(async (record) => {
    const count = (record.value as number) + 1;
    if (record.status === "Done") return done;
    await store.write([
      { op: "update", key: record, version: record.version, value: count, status: count === 5 ? "Done" : "New" },
    ]);
    return again(0);
  });
  await loop.start();
  await store.write([{ op: "create", key: key("a"), value: 0, status: "New" }]);
  await vi.waitFor(() => {
    timers.advance(1);
    expect(steps.at(-1)).toBe("a@6");
  });
  expect(await store.get(key("a"))).toMatchObject({ value: 5, status: "Done" });
});

test("a failing step is tried again with growing delays, and the count starts over after success", async () => {
  let isBroken = true;
  const { loop, steps } = startLoop(async () => {
    if (isBroken) throw new Error("engine unavailable");
    return again(5_000);
  });
  await store.write([{ op: "create", key: key("a"), value: 0, status: "New" }]);
  await loop.start();
  for (const delay of [100, 200, 400]) {
    await vi.waitFor(() => expect(timers.delays[0]).toBe(delay));
    timers.advance(delay);
  }
  await vi.waitFor(() => expect(timers.delays[0]).toBe(800));
  expect(steps).toHaveLength(4);
  isBroken = false;
  timers.advance(800);
  await vi.waitFor(() => expect(timers.delays[0]).toBe(5_000));
  isBroken = true;
  loop.wake(key("a"));
  await vi.waitFor(() => expect(timers.delays[0]).toBe(100));
});

test("what retrying cannot mend waits for the record to change, through wakes and rescans", async () => {
  const { loop, steps } = startLoop(async (record) => {
    if (record.version < 2) throw new TerminalError("no such algorithm");
    return done;
  });
  await store.write([{ op: "create", key: key("a"), value: 0, status: "New" }]);
  await store.write([{ op: "create", key: key("b"), value: 0, status: "New" }]);
  await loop.start();
  await vi.waitFor(() => expect(steps).toEqual(["a@1", "b@1"]));
  loop.wake(key("a"));
  timers.advance(10_000);
  await vi.waitFor(() => expect(timers.delays).toEqual([10_000]));
  expect(steps).toEqual(["a@1", "b@1"]);
  await store.write([{ op: "update", key: key("a"), value: 0, status: "New" }]);
  await vi.waitFor(() => expect(steps).toEqual(["a@1", "b@1", "a@2"]));
});

test("a change whose hint was lost is found by the rescan", async () => {
  const other = await openSqliteStore(join(folder, "records.db"), { clock: new TestClock(), commit: "inline" });
  const { loop, steps } = startLoop(async () => done);
  await loop.start();
  await other.write([{ op: "create", key: key("a"), value: 0, status: "New" }]);
  await other.close();
  expect(steps).toEqual([]);
  timers.advance(10_000);
  await vi.waitFor(() => expect(steps).toEqual(["a@1"]));
  await vi.waitFor(() => expect(timers.delays).toEqual([10_000]));
  timers.advance(10_000);
  await vi.waitFor(() => expect(steps).toEqual(["a@1", "a@1"]));
});

test("a rescan that fails is tried again at the next", async () => {
  const { loop, steps } = startLoop(async () => done);
  await loop.start();
  await store.write([{ op: "create", key: key("a"), value: 0, status: "New" }]);
  await vi.waitFor(() => expect(steps).toHaveLength(1));
  const list = vi.spyOn(store, "list").mockRejectedValueOnce(new Error("disk"));
  timers.advance(10_000);
  await vi.waitFor(() => expect(timers.delays).toEqual([10_000]));
  timers.advance(10_000);
  await vi.waitFor(() => expect(steps).toHaveLength(2));
  expect(list).toHaveBeenCalledTimes(2);
});

test("a deleted record is forgotten", async () => {
  const { loop, steps } = startLoop(async () => again(100));
  await loop.start();
  await store.write([{ op: "create", key: key("a"), value: 0, status: "New" }]);
  await vi.waitFor(() => expect(timers.delays[0]).toBe(100));
  await store.write([{ op: "delete", key: key("a") }]);
  await vi.waitFor(() => expect(timers.delays).toEqual([10_000]));
  expect(steps).toEqual(["a@1"]);
});

test("kinds do not wait for each other", async () => {
  const release = Promise.withResolvers<Outcome>();
  const seen: string[] = [];
  const slow = { kind: "slow", finalStatuses: [], concurrency: 1, reconcile: () => release.promise } as Controller;
  const quick = {
    kind: "quick",
    finalStatuses: [],
    concurrency: 1,
    reconcile: async (record: StoredRecord) => {
      seen.push(record.name);
      return done;
    },
  } as Controller;
  const loop = createLoop({ store, controllers: [slow, quick], log: silentLog, timers });
  loops.push(loop);
  await loop.start();
  await store.write([
    { op: "create", key: key("s", "slow"), value: 0 },
    { op: "create", key: key("q", "quick"), value: 0 },
  ]);
  await vi.waitFor(() => expect(seen).toEqual(["q"]));
  release.resolve(done);
});

test("stop waits for the step under way, and nothing moves afterwards", async () => {
  const release = Promise.withResolvers<Outcome>();
  const { loop, steps } = startLoop(() => release.promise);
  await store.write([{ op: "create", key: key("a"), value: 0, status: "New" }]);
  await loop.start();
  await vi.waitFor(() => expect(steps).toHaveLength(1));
  let isStopped = false;
  const stopping = loop.stop().then(() => (isStopped = true));
  await store.write([{ op: "update", key: key("a"), value: 0, status: "New" }]);
  expect(isStopped).toBe(false);
  release.resolve(again(1));
  await stopping;
  timers.advance(100_000);
  loop.wake(key("a"));
  expect(steps).toHaveLength(1);
  expect(timers.delays).toEqual([]);
});
