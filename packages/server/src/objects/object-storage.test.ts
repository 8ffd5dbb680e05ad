import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import { INLINE_BYTES } from "./bytes/byte-store.ts";
import { type ObjectStorage, openObjectCatalogue } from "./object-storage.ts";

let root: string;
let store: Store;
let storage: ObjectStorage;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sagebrush-objects-"));
  store = await openSqliteStore(join(root, "db"), { clock: systemClock, commit: "inline" });
  storage = await open();
  await storage.buckets.create("b", { owner: "111122223333", region: "eu-west-1", settings: {} });
});

afterEach(async () => {
  await storage.close();
  await store.close();
  await rm(root, { recursive: true });
});

function open(): Promise<ObjectStorage> {
  return openObjectCatalogue({ store, directory: join(root, "objects"), clock: systemClock });
}

async function* chunks(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Paths of object files below the data folder, ids only. */
async function objectFiles(): Promise<string[]> {
  const found = await readdir(join(root, "objects"), { recursive: true });
  return found.filter((path) => /^[0-9a-f]{2}\/[0-9a-f]{32}$/.test(path));
}

test.for([0, 1, INLINE_BYTES, INLINE_BYTES + 1, 300_000, 3_000_000])(
  "%i bytes come back as they went in",
  async (size) => {
    const bytes = randomBytes(size);
    const entry = await storage.put("b", "key", chunks(bytes), { contentType: "text/csv" });
    expect(entry).toMatchObject({ sizeBytes: size, contentType: "text/csv" });
    expect((await buffer(await storage.read("b", "key"))).equals(bytes)).toBe(true);
    const path = await storage.file(entry, "job-1");
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o444);
  },
);

test("a replaced object leaves no file behind, a held one stays until it is released", async () => {
  const [first, second] = [randomBytes(100_000), randomBytes(100_001)];
  const entry = await storage.put("b", "key", chunks(first));
  await storage.put("b", "key", chunks(second));
  expect(await objectFiles()).toHaveLength(1);
  const held = (await storage.head("b", "key"))!;
  const path = await storage.file(held, "job-1");
  await storage.remove("b", "key");
  expect(await storage.head("b", "key")).toBeUndefined();
  expect((await readFile(path)).equals(second)).toBe(true);
  await storage.close();
  storage = await open();
  await storage.sweep();
  expect(await objectFiles()).toHaveLength(1);
  await storage.release("job-1");
  expect(await objectFiles()).toHaveLength(0);
  await expect(storage.file(entry, "job-2")).rejects.toMatchObject({ code: "NoSuchKey" });
});

test("small objects that a job held stay readable after they were deleted", async () => {
  const entry = await storage.put("b", "key", chunks(Buffer.from("small")));
  const path = await storage.file(entry, "job-1");
  await storage.remove("b", "key");
  expect(await readFile(path, "utf8")).toBe("small");
  await storage.release("job-1");
  await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" });
});

test("many who want one small object's file at once get one", async () => {
  const entry = await storage.put("b", "key", chunks(Buffer.from("small")));
  const paths = await Promise.all(Array.from({ length: 8 }, (_, i) => storage.file(entry, `host-${i}`)));
  expect(new Set(paths).size).toBe(1);
  expect(await readFile(paths[0] as string, "utf8")).toBe("small");
});

test("an upload that breaks off leaves neither object nor file", async () => {
  async function* broken() {
    yield randomBytes(2_000_000);
    throw new Error("hung up");
  }
  await expect(storage.put("b", "key", broken())).rejects.toThrow("hung up");
  expect(await storage.head("b", "key")).toBeUndefined();
  expect(await objectFiles()).toEqual([]);
  await expect(storage.put("nowhere", "key", chunks(Buffer.from("x")))).rejects.toMatchObject({ code: "NoSuchBucket" });
});

test("a start after a crash removes what nothing refers to, and keeps the rest", async () => {
  const bytes = randomBytes(100_000);
  await storage.put("b", "kept", chunks(bytes));
  const lost = await storage.bytes.ingest(chunks(randomBytes(100_000)), []);
  lost.settle();
  expect(await objectFiles()).toHaveLength(2);
  const crashed = storage;
  storage = await open();
  await storage.close();
  storage = await open();
  expect(await objectFiles()).toHaveLength(1);
  expect((await buffer(await storage.read("b", "kept"))).equals(bytes)).toBe(true);
  await crashed.bytes.close();
});

test("a sweep leaves files alone that are about to be referred to", async () => {
  const ingested = await storage.bytes.ingest(chunks(randomBytes(100_000)), []);
  expect(await storage.sweep()).toMatchObject({ files: 0 });
  await storage.objects.put("b", "key", { source: { kind: "fresh", ingested }, etag: '"x"', attributes: {} });
  expect(await storage.sweep()).toMatchObject({ files: 0 });
  expect(await storage.head("b", "key")).toMatchObject({ sizeBytes: 100_000 });
});

test("writers of one key take turns: one of many creates it, and the last bytes are whole", async () => {
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, async (_, n) => {
      const ingested = await storage.bytes.ingest(chunks(Buffer.from(`writer ${n}`)), []);
      const draft = { source: { kind: "fresh", ingested } as const, etag: `"${n}"`, attributes: {} };
      return storage.objects.put("b", "key", draft, { conditions: { ifNoneMatch: "*" } });
    }),
  );
  const made = outcomes.filter((outcome) => outcome.status === "fulfilled");
  expect(made).toHaveLength(1);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "PreconditionFailed" });
  }
});

test("a bucket is deleted only when it is empty, and never under a writer", async () => {
  await storage.put("b", "key", chunks(Buffer.from("x")));
  await expect(storage.buckets.remove("b")).rejects.toMatchObject({ code: "BucketNotEmpty" });
  await storage.remove("b", "key");
  const [put, removed] = await Promise.allSettled([
    storage.put("b", "late", chunks(Buffer.from("x"))),
    storage.buckets.remove("b"),
  ]);
  const bucket = await storage.hasBucket("b", "111122223333");
  expect(bucket ? put.status : removed.status).toBe("fulfilled");
  if (!bucket) expect(put.status).toBe("rejected");
});

test("a small file that a killed server left half written is written again", async () => {
  const entry = await storage.put("b", "key", chunks(Buffer.from("whole")));
  const path = await storage.file(entry, "job-1");
  await storage.close();
  await chmod(path, 0o644);
  await truncate(path, 2);
  storage = await open();
  expect(await storage.file(entry, "job-1")).toBe(path);
  expect(await readFile(path, "utf8")).toBe("whole");
  expect((await stat(path)).mode & 0o777).toBe(0o444);
});

test("small objects are written out soon after they came, and go with the object", async () => {
  const entry = await storage.put("b", "key", chunks(Buffer.from("small")));
  const writtenOut = async () =>
    (await readdir(join(root, "objects", "written-out"), { recursive: true })).filter((name) => name.includes("/"));
  await expect.poll(writtenOut, { timeout: 20_000 }).toHaveLength(1);
  expect(await readFile(await storage.file(entry, "job-1"), "utf8")).toBe("small");
  await storage.release("job-1");
  await storage.remove("b", "key");
  expect(await writtenOut()).toHaveLength(0);
});
