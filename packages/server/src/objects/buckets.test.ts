import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import { Buckets } from "./buckets.ts";
import { BucketLocks } from "./locks.ts";
import { bucketKey } from "./object-name.ts";

let folder: string;
let store: Store;
let buckets: Buckets;
const record = { owner: "000000000000", region: "us-east-1", settings: {} };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-buckets-"));
  store = await openSqliteStore(join(folder, "store.db"), { clock: { now: Date.now }, commit: "inline" });
  buckets = new Buckets(store, new BucketLocks());
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a bucket is read once and kept until it changes or goes", async () => {
  await buckets.create("one", record);
  const found = await buckets.get("one");
  expect(await buckets.get("one")).toBe(found);
  await buckets.change("one", (before) => ({ ...before, versioning: "Enabled" }));
  expect((await buckets.get("one")).versioning).toBe("Enabled");
  await buckets.remove("one");
  expect(await buckets.find("one")).toBeUndefined();
});

test("a write past this object is seen as well", async () => {
  await buckets.create("one", record);
  await buckets.get("one");
  await store.write([{ op: "update", key: bucketKey("one"), value: { ...record, region: "eu-west-1" } }]);
  expect((await buckets.get("one")).region).toBe("eu-west-1");
});

test("what was read before a change and arrives after it is not kept", async () => {
  await buckets.create("one", record);
  const late = buckets.get("one");
  await Promise.all([late, buckets.change("one", (before) => ({ ...before, region: "eu-west-1" }))]);
  expect((await buckets.get("one")).region).toBe("eu-west-1");
});
