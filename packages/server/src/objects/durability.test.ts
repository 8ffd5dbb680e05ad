import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import { PowerLossLayer, PowerLost } from "../durable/power-loss-layer.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import { isDeleteMarker } from "./object-records.ts";
import { ObjectStorage } from "./object-storage.ts";

let root: string;
let store: Store;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sagebrush-durability-"));
  store = await openSqliteStore(join(root, "db"), { clock: systemClock, commit: "inline" });
});

afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true });
});

/** Longer than a block, shorter than the next: the pipeline of blocks takes part. */
const body = (letter: string) => letter.repeat(1_500_000);

async function* stream(text: string): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += 200_000) yield Buffer.from(text.slice(at, at + 200_000));
}

/** A catalogue whose files lose power after a number of calls; its records are SQLite's, which has its own tests. */
async function open(layer: PowerLossLayer): Promise<ObjectStorage> {
  const noting = new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (name === "write") layer.calls.push("commit");
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  const storage = new ObjectStorage({ store: noting, directory: join(root, "objects"), clock: systemClock, layer });
  await storage.bytes.files.open();
  return storage;
}

test("whichever call the power fails before: the old object or the new one is there, whole", async () => {
  const bucket = { owner: "111122223333", region: "us-east-1", settings: {} };
  for (let cut = 0; ; cut++) {
    const name = `bucket-${cut}`;
    const layer = new PowerLossLayer();
    const storage = await open(layer);
    await storage.buckets.create(name, bucket);
    await storage.put(name, "key", stream(body("o")));
    layer.cutAfter(cut);
    const acknowledged = await storage.put(name, "key", stream(body("n"))).then(
      () => true,
      (error: unknown) => {
        expect(error).toBeInstanceOf(PowerLost);
        return false;
      },
    );
    const found = await storage.objects.find(name, "key");
    if (!found || isDeleteMarker(found)) throw new Error("there is an object in any case");
    const survivors = [...layer.survivors(storage.bytes.files.path(found.bytes.id))];
    const whole = acknowledged ? [body("n")] : [body("o"), body("n")];
    // One answer only: whatever the disk wrote early or late, the file that the record names is whole.
    expect(survivors).toHaveLength(1);
    expect(whole.includes(survivors[0] as string)).toBe(true);
    await storage.bytes.close();
    if (acknowledged) {
      expect(cut).toBeGreaterThan(5);
      return;
    }
  }
});

test("bytes and name, then the record; the replaced file goes last", async () => {
  const layer = new PowerLossLayer();
  const storage = await open(layer);
  await storage.buckets.create("b", { owner: "111122223333", region: "us-east-1", settings: {} });
  await storage.put("b", "key", stream(body("o")));
  layer.calls.length = 0;
  await storage.put("b", "key", stream(body("n")));
  // The folder of the new name may be new itself: it is made, and synced with its parent, before the file.
  const made = layer.calls.findIndex((call) => call.startsWith("mkdir"));
  const calls = layer.calls.filter((_, at) => made < 0 || at < made || at > made + 1);
  const operations = calls.map((call) => call.split(" ")[0]);
  expect(operations.toSorted()).toEqual(
    ["create", "fsync-directory", "write", "write", "fsync", "close", "commit", "unlink"].toSorted(),
  );
  const at = (operation: string) => operations.indexOf(operation);
  expect(at("create")).toBeLessThan(at("fsync-directory"));
  expect(operations.lastIndexOf("write")).toBeLessThan(at("fsync"));
  expect(Math.max(at("fsync"), at("fsync-directory"))).toBeLessThan(at("commit"));
  expect(at("commit")).toBeLessThan(at("unlink"));
});
