import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ObjectCatalogue, ObjectEntry } from "../../../objects/object-catalogue.ts";
import { CheckpointSync, downloadCheckpoints } from "./checkpoints.ts";
import { trainingJob } from "./testkit/job-server.ts";
import type { TrainingJobSpec } from "./training-job.ts";

const spec = trainingJob({ CheckpointConfig: { S3Uri: "s3://b/ckpt" } }) as TrainingJobSpec;

let root: string;
/** What is in S3, by key. */
let stored: Map<string, string>;
let hosts: readonly string[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "checkpoints-"));
  stored = new Map();
  hosts = ["1", "2"].map((host) => join(root, host));
  for (const host of hosts) await mkdir(join(host, "checkpoints"), { recursive: true });
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** The four calls that checkpoints need, over the map. Everything was stored long ago. */
const objects = {
  async put(_bucket: string, key: string, body: Readable) {
    stored.set(key, await text(body));
  },
  async remove(_bucket: string, key: string) {
    stored.delete(key);
  },
  async read(_bucket: string, key: string) {
    return Readable.from([Buffer.from(stored.get(key) ?? "")]);
  },
  async *list(bucket: string, prefix: string): AsyncGenerator<ObjectEntry> {
    for (const [key, { length }] of stored) {
      if (key.startsWith(prefix)) yield { bucket, key, sizeBytes: length, etag: "", modifiedAt: 5_000 };
    }
  },
} as unknown as ObjectCatalogue;

/** Writes a host's checkpoint. @param at - Its time of modification in milliseconds. */
async function write(host: number, path: string, content: string, at: number): Promise<void> {
  const file = join(hosts[host - 1] as string, "checkpoints", path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  await utimes(file, at / 1000, at / 1000);
}
const remove = (host: number, path: string) => rm(join(hosts[host - 1] as string, "checkpoints", path));
const download = () => Promise.all(hosts.map((host) => downloadCheckpoints(objects, host, spec)));
const s3 = () => Object.fromEntries([...stored].map(([key, value]) => [key.replace("ckpt/", ""), value]));

test("what several hosts wrote under one name is what was written last", async () => {
  const sync = new CheckpointSync(objects, hosts, spec);
  await write(1, "a", "newer", 20_000);
  await write(2, "a", "older", 10_000);
  await write(2, "deep/b", "own", 10_000);
  await sync.sync(false);
  expect(s3()).toEqual({ a: "newer", "deep/b": "own" });
  await write(2, "a", "newest", 30_000);
  await sync.sync(false);
  expect(s3()).toEqual({ a: "newest", "deep/b": "own" });
});

test("another host's copy of an old checkpoint never replaces a new one, whatever server syncs", async () => {
  stored.set("ckpt/model", "of the attempt before");
  await download();
  await write(1, "model", "of this attempt", 9_000);
  await new CheckpointSync(objects, hosts, spec).sync(true);
  expect(s3()).toEqual({ model: "of this attempt" });
  await new CheckpointSync(objects, hosts, spec).sync(true);
  expect(s3()).toEqual({ model: "of this attempt" });
});

test("what one host deletes is deleted, though others have a copy of it", async () => {
  stored.set("ckpt/step-1", "1");
  await download();
  const sync = new CheckpointSync(objects, hosts, spec);
  await sync.sync(false);
  await remove(1, "step-1");
  await sync.sync(false);
  expect(s3()).toEqual({});
  await sync.sync(true);
  expect(s3()).toEqual({});
  // Written anew, it is a checkpoint again.
  await write(2, "step-1", "again", 9_000);
  await sync.sync(true);
  expect(s3()).toEqual({ "step-1": "again" });
});

test("a file that one host deletes while another writes it stays", async () => {
  await write(1, "a", "1", 1_000);
  await write(2, "a", "1", 1_000);
  const sync = new CheckpointSync(objects, hosts, spec);
  await sync.sync(false);
  await remove(1, "a");
  await write(2, "a", "2", 2_000);
  await sync.sync(false);
  expect(s3()).toEqual({ a: "2" });
});

test("a file that is still being written waits for the next look, or the end", async () => {
  const sync = new CheckpointSync(objects, hosts, spec);
  await write(1, "a", "half", Date.now());
  await sync.sync(false);
  expect(s3()).toEqual({});
  await sync.sync(true);
  expect(s3()).toEqual({ a: "half" });
});
