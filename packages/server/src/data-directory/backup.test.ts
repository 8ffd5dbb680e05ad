import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import { distributionOf } from "../metrics/distribution.ts";
import { openMetricStore } from "../metrics/sqlite/open-metric-store.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import { backup } from "./backup.ts";
import { DataDirectoryError } from "./errors.ts";
import { areBytesHeld } from "./object-bytes-lease.ts";
import type { OpenDataDirectory } from "./open.ts";
import { openDataDirectory } from "./open.ts";
import { restore } from "./restore.ts";

let folder: string;
let directory: OpenDataDirectory;
let store: Store;
let target: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sagebrush-backup-"));
  directory = await openDataDirectory(join(folder, "data"));
  store = await openSqliteStore(directory.database, { clock: systemClock });
  target = join(folder, "saved");
});
afterEach(async () => {
  await store.close();
  await directory.close();
  await rm(folder, { recursive: true });
});

const key = (name: string) => ({ account: "1", region: "r", kind: "object", name });

/** Writes bytes and then the record that refers to them, as the object catalogue does. */
async function put(name: string): Promise<void> {
  const id = `${name.length % 7}/${name}`;
  await mkdir(join(directory.objects, String(name.length % 7)), { recursive: true });
  await writeFile(join(directory.objects, id), `bytes of ${name}`, { mode: 0o444 });
  await store.write([{ op: "create", key: key(name), value: { id } }]);
}

/** Deletes the record and then, unless a backup holds them, its bytes, as the object store does. @returns Whether it could. */
async function remove(name: string): Promise<boolean> {
  const record = await store.get<{ id: string }>(key(name));
  await store.write([{ op: "delete", key: key(name) }]);
  if (await areBytesHeld(store)) return false;
  await unlink(join(directory.objects, record?.value.id ?? ""));
  return true;
}

test("metrics that are being written are saved and restored", async () => {
  const metrics = openMetricStore(directory.metrics, { clock: systemClock });
  const scope = { partition: "aws", account: "111122223333", region: "us-east-1" };
  const metric = { scope, namespace: "N", name: "m", dimensions: [] };
  const point = { ...metric, unit: "None", at: 60, resolution: 60 as const, values: distributionOf([[5, 1]]) };
  await metrics.put([point]);
  await backup({ root: directory.root, target });
  // After the moment of the backup.
  await metrics.put([point]);
  await metrics.close();
  const root = join(folder, "restored");
  await restore({ backup: target, root });
  const restored = await openDataDirectory(root);
  const again = openMetricStore(restored.metrics, { clock: systemClock });
  const found = await again.statistics({ ...metric, from: 0, to: 600, period: 60 });
  expect(found.map(({ values }) => values.sum)).toEqual([5]);
  await again.close();
  await restored.close();
});

test("a restored directory holds records, bytes, credentials, configuration and logs", async () => {
  await put("a");
  await writeFile(directory.credentials, "secret", { mode: 0o600 });
  await writeFile(join(directory.root, "config.json"), "{}");
  await mkdir(join(directory.logs, "deep"));
  await writeFile(join(directory.logs, "deep", "stream"), "1 line\n");
  await writeFile(join(directory.runs, "scratch"), "not kept");
  await writeFile(join(directory.temporary, "scratch"), "not kept");
  const saved = await backup({ root: directory.root, target });
  expect(saved).toMatchObject({ path: target, files: 6 });
  const root = join(folder, "restored");
  expect(await restore({ backup: target, root })).toMatchObject({ files: 6, sizeBytes: saved.sizeBytes });
  const restored = await openDataDirectory(root);
  const again = await openSqliteStore(restored.database, { clock: systemClock });
  expect(await again.get(key("a"))).toEqual(await store.get(key("a")));
  // Our own hold is not part of what was saved.
  expect(await areBytesHeld(again)).toBe(false);
  await again.close();
  await restored.close();
  expect(await readFile(join(restored.objects, "1", "a"), "utf8")).toBe("bytes of a");
  expect((await stat(join(restored.objects, "1", "a"))).mode & 0o777).toBe(0o444);
  expect(await readFile(restored.credentials, "utf8")).toBe("secret");
  expect((await stat(restored.credentials)).mode & 0o777).toBe(0o600);
  expect(await readFile(join(restored.logs, "deep", "stream"), "utf8")).toBe("1 line\n");
  expect(await readdir(restored.runs)).toEqual([]);
  expect(await readdir(restored.temporary)).toEqual([]);
});

test("a backup of a busy server holds every byte that its records refer to", async () => {
  for (let index = 0; index < 200; index++) await put(`before-${index}`);
  let isDone = false;
  let deferred = 0;
  const busy = (async () => {
    for (let index = 0; !isDone; index++) {
      await put(`during-${index}`);
      if (index < 200 && !(await remove(`before-${index}`))) deferred++;
      await appendFile(join(directory.logs, "stream"), "line\n");
    }
  })();
  await backup({ root: directory.root, target });
  isDone = true;
  await busy;
  expect(deferred).toBeGreaterThan(0);
  const root = join(folder, "restored");
  await restore({ backup: target, root });
  const restored = await openDataDirectory(root);
  const again = await openSqliteStore(restored.database, { clock: systemClock });
  const { records } = await again.list<{ id: string }>({ kind: "object", limit: 1_000 });
  expect(records.length).toBeGreaterThan(100);
  for (const { name, value } of records) {
    expect(await readFile(join(restored.objects, value.id), "utf8")).toBe(`bytes of ${name}`);
  }
  await again.close();
  await restored.close();
  expect(await remove("during-0")).toBe(true);
});

test.for(["backup", "restore"] as const)(
  "%s refuses a folder that is not empty, and takes an empty one",
  async (which) => {
    const run = (folderName: string) =>
      which === "backup"
        ? backup({ root: directory.root, target: folderName })
        : restore({ backup: target, root: folderName });
    if (which === "restore") await backup({ root: directory.root, target });
    const full = join(folder, "full");
    await mkdir(full);
    await writeFile(join(full, "something"), "precious");
    await expect(run(full)).rejects.toThrow("not empty");
    expect(await readdir(full)).toEqual(["something"]);
    await mkdir(join(folder, "empty"));
    await run(join(folder, "empty"));
  },
);

test("a backup into the data directory itself is refused", async () => {
  await expect(backup({ root: directory.root, target: join(directory.root, "x") })).rejects.toThrow("inside");
  await expect(backup({ root: join(folder, "nothing"), target })).rejects.toThrow("data directory");
});

test.for<[string, (saved: string) => Promise<void>, string]>([
  ["changed bytes", (saved) => rewrite(join(saved, "objects", "1", "a"), "bytes of b"), "damaged"],
  ["a missing file", (saved) => rm(join(saved, "objects", "1", "a")), "cannot be read"],
  [
    "a manifest cut short",
    async (saved) => {
      const path = join(saved, "manifest.jsonl");
      const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
      await rewrite(path, `${lines.slice(0, -1).join("\n")}\n`);
    },
    "not whole",
  ],
  ["no manifest", (saved) => rm(join(saved, "manifest.jsonl")), "interrupted"],
  [
    "a way out of the folder",
    async (saved) => {
      const path = join(saved, "manifest.jsonl");
      await rewrite(path, (await readFile(path, "utf8")).replace('"path":"objects/1/a"', '"path":"../a"'));
    },
    "outside",
  ],
  [
    "a newer format",
    async (saved) => {
      const path = join(saved, "manifest.jsonl");
      await rewrite(path, (await readFile(path, "utf8")).replace('"format":1', '"format":99'));
    },
    "format 99",
  ],
])("restore refuses a backup with %s and leaves nothing behind", async ([, damage, message]) => {
  await put("a");
  await backup({ root: directory.root, target });
  await damage(target);
  const root = join(folder, "restored");
  await expect(restore({ backup: target, root })).rejects.toThrow(message);
  expect((await readdir(folder)).sort()).toEqual(["data", "saved"]);
});

test("a failed backup leaves nothing behind and lets go of the bytes", async () => {
  await put("a");
  await rm(join(directory.objects, "1", "a"));
  await mkdir(join(directory.objects, "1", "a"));
  await writeFile(join(directory.objects, "1", "a", "x"), "");
  const failing = backup({
    root: directory.root,
    target,
    onProgress: ({ files }) => {
      if (files > 1) throw new Error("disk full");
    },
  });
  await expect(failing).rejects.toThrow("disk full");
  expect(await readdir(folder)).toEqual(["data"]);
  expect(await areBytesHeld(store)).toBe(false);
});

test("a backup of another format is refused", async () => {
  await store.close();
  const database = new DatabaseSync(directory.database);
  database.exec("PRAGMA user_version = 99");
  database.close();
  await expect(backup({ root: directory.root, target })).rejects.toThrow("format 99");
  await expect(backup({ root: directory.root, target })).rejects.not.toBeInstanceOf(DataDirectoryError);
});

async function rewrite(path: string, content: string): Promise<void> {
  await rm(path);
  await writeFile(path, content);
}
