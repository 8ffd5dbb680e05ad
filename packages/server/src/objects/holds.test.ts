import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import { Holds } from "./holds.ts";
import { kinds } from "./object-name.ts";

let folder: string;
let store: Store;
let holds: Holds;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sagebrush-holds-"));
  store = await openSqliteStore(join(folder, "records.db"), { clock: systemClock });
  holds = new Holds(store);
  await holds.open();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const kept = async () => (await store.list({ kind: kinds.hold, limit: 10 })).records.length;

test("a holder that is released twice at once lets go once, and both are answered", async () => {
  await holds.hold("run", ["a", "b"]);
  await holds.hold("other", ["b"]);
  const [first, second] = await Promise.all([holds.release("run"), holds.release("run")]);
  expect([...first, ...second]).toEqual(["a"]);
  expect(holds.isHeld("a")).toBe(false);
  expect(holds.isHeld("b")).toBe(true);
  expect(await kept()).toBe(1);
  expect(await holds.release("run")).toEqual([]);
});

test("what is held again while it is let go of stays held, also after a restart", async () => {
  await holds.hold("run", ["a"]);
  await Promise.all([holds.release("run"), holds.hold("run", ["a"])]);
  expect(holds.isHeld("a")).toBe(true);
  const again = new Holds(store);
  await again.open();
  expect(again.isHeld("a")).toBe(true);
});

test("a release that fails leaves the hold, and can be repeated", async () => {
  await holds.hold("run", ["a"]);
  const write = store.write.bind(store);
  store.write = () => Promise.reject(new Error("disk full"));
  const both = await Promise.allSettled([holds.release("run"), holds.release("run")]);
  store.write = write;
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(holds.isHeld("a")).toBe(true);
  expect(await holds.release("run")).toEqual(["a"]);
  expect(await kept()).toBe(0);
});
