import { fork } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import { FormatMismatch, formatVersion, openForWriting, readFormat } from "../store/sqlite/schema.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import { DataDirectoryError, DataDirectoryInUse } from "./errors.ts";
import { migrate } from "./migrate.ts";
import type { Migration } from "./migrations.ts";
import { migrations } from "./migrations.ts";
import { openDataDirectory } from "./open.ts";

let folder: string;
let root: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sagebrush-data-"));
  root = join(folder, "deep", "data");
});
afterEach(() => rm(folder, { recursive: true }));

const key = (name: string) => ({ account: "1", region: "r", kind: "noun", name });

async function withStore<T>(path: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore(path, { clock: systemClock, commit: "inline" });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

test("a new directory is made for its owner only, and opens again", async () => {
  const first = await openDataDirectory(root);
  expect((await stat(root)).mode & 0o777).toBe(0o700);
  expect((await stat(first.database)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(join(root, "format.json"), "utf8"))).toEqual({ format: formatVersion });
  await withStore(first.database, (store) => store.write([{ op: "create", key: key("a"), value: 1 }]));
  await first.close();
  const second = await openDataDirectory(root);
  expect(second.migrated).toBeUndefined();
  expect(await withStore(second.database, (store) => store.get(key("a")))).toMatchObject({ value: 1 });
  await second.close();
});

test("a second server is refused and told which process has the directory", async () => {
  const first = await openDataDirectory(root);
  const second = openDataDirectory(root);
  await expect(second).rejects.toBeInstanceOf(DataDirectoryInUse);
  await expect(second).rejects.toMatchObject({ pid: process.pid, message: expect.stringContaining(root) });
  await first.close();
  await (await openDataDirectory(root)).close();
});

test("the lock ends with its process, even when that is killed", async () => {
  const holder = fork(join(import.meta.dirname, "testkit", "hold-directory.ts"), [root], { execArgv: [] });
  await once(holder, "message");
  const refused = openDataDirectory(root);
  await expect(refused).rejects.toMatchObject({ name: "DataDirectoryInUse", pid: holder.pid });
  const exit = once(holder, "exit");
  holder.kill("SIGKILL");
  await exit;
  await (await openDataDirectory(root)).close();
});

test("data of a newer format is refused before anything is touched", async () => {
  await mkdir(root, { recursive: true });
  await writeFile(join(root, "format.json"), JSON.stringify({ format: formatVersion + 1 }));
  await expect(openDataDirectory(root)).rejects.toBeInstanceOf(FormatMismatch);
  expect(await readdir(root)).toEqual(["format.json"]);
});

test("a newer database is refused, whatever the format file says", async () => {
  const directory = await openDataDirectory(root);
  await directory.close();
  raiseFormat(directory.database, formatVersion + 1);
  await expect(openDataDirectory(root)).rejects.toThrow(`format ${formatVersion + 1}`);
  await expect(openSqliteStore(directory.database, { clock: systemClock })).rejects.toBeInstanceOf(FormatMismatch);
  // The failed opening gave the lock back.
  raiseFormat(directory.database, formatVersion);
  await (await openDataDirectory(root)).close();
});

test.for([
  ["a lost database", "records.db", undefined, "records.db is missing"],
  ["a damaged format file", "format.json", "{", "restore the directory from a backup"],
] as const)("%s is told, not replaced", async ([, file, content, message]) => {
  await (await openDataDirectory(root)).close();
  if (content === undefined) await rm(join(root, file));
  else await writeFile(join(root, file), content);
  await expect(openDataDirectory(root)).rejects.toBeInstanceOf(DataDirectoryError);
  await expect(openDataDirectory(root)).rejects.toThrow(message);
});

test.for(["", "tables"])("a first start that was killed half way (%j) is finished by the next", async (state) => {
  await mkdir(root, { recursive: true });
  if (state === "tables") openForWriting(join(root, "records.db")).close();
  else await writeFile(join(root, "records.db"), "");
  const directory = await openDataDirectory(root);
  await withStore(directory.database, (store) => store.write([{ op: "create", key: key("a"), value: 1 }]));
  await directory.close();
});

// Two formats ahead of the current one, as they may look one day.
const next = formatVersion + 1;
const future: Migration[] = [
  {
    to: next + 1,
    what: "copies notes to their own table",
    run: (database) => database.exec("CREATE TABLE note AS SELECT name, extra FROM record"),
  },
  {
    to: next,
    what: "adds a column",
    run: (database) => database.exec("ALTER TABLE record ADD COLUMN extra TEXT NOT NULL DEFAULT 'x'"),
  },
];

test("an older format is migrated step by step, after the old database was saved", async () => {
  const old = await openDataDirectory(root);
  await withStore(old.database, (store) => store.write([{ op: "create", key: key("a"), value: 1 }]));
  await old.close();
  const directory = await openDataDirectory(root, { target: next + 1, steps: [...migrations, ...future] });
  const saved = join(root, `records.format-${formatVersion}.db`);
  expect(directory.migrated).toEqual({ from: formatVersion, to: next + 1, saved });
  await directory.close();
  const database = new DatabaseSync(directory.database);
  expect(readFormat(database)).toBe(next + 1);
  expect({ ...database.prepare("SELECT * FROM note").get() }).toEqual({ name: "a", extra: "x" });
  database.close();
  // This version, now the older one, refuses the new data and reads the saved.
  await expect(openDataDirectory(root)).rejects.toBeInstanceOf(FormatMismatch);
  // The way back, as docs/guide/data-directory.md describes it.
  await rename(saved, directory.database);
  await writeFile(join(root, "format.json"), JSON.stringify({ format: formatVersion }));
  const back = await openDataDirectory(root);
  expect(await withStore(back.database, (store) => store.get(key("a")))).toMatchObject({ value: 1 });
  await back.close();
});

test("a step that fails leaves the old format, which still opens", async () => {
  const old = await openDataDirectory(root);
  await withStore(old.database, (store) => store.write([{ op: "create", key: key("a"), value: 1 }]));
  await old.close();
  const failing = [
    ...future.slice(1),
    {
      to: next + 1,
      what: "fails",
      run: () => {
        throw new Error("disk");
      },
    },
  ];
  await expect(openDataDirectory(root, { target: next + 1, steps: [...migrations, ...failing] })).rejects.toThrow(
    "nothing was changed",
  );
  const again = await openDataDirectory(root);
  expect(await withStore(again.database, (store) => store.get(key("a")))).toMatchObject({ value: 1 });
  await again.close();
});

test("a gap between formats is told", async () => {
  const old = await openDataDirectory(root);
  await old.close();
  await expect(migrate(old.database, { target: next + 1, steps: future.slice(0, 1) })).rejects.toThrow("no migration");
});

test("the registered migrations lead from format 1 to the current one", () => {
  expect(migrations.map(({ to }) => to)).toEqual(Array.from({ length: formatVersion - 1 }, (_, index) => index + 2));
});

test("the tables of the current format are those of its fixture: a change of tables is a new format", async () => {
  const shape = (path: string) => {
    const database = new DatabaseSync(path, { readOnly: true });
    const rows = database.prepare("SELECT name, sql FROM sqlite_master ORDER BY name").all();
    database.close();
    return rows.map((row) => ({ ...row }));
  };
  const current = await openDataDirectory(root);
  await current.close();
  const copy = join(folder, "copy.db");
  await cp(join(fixtures, `format-${formatVersion}`, "records.db"), copy);
  expect(shape(current.database)).toEqual(shape(copy));
});

const fixtures = join(import.meta.dirname, "fixtures");

test.for(Array.from({ length: formatVersion }, (_, index) => index + 1))(
  "a directory of format %i opens with everything in it",
  async (format) => {
    await cp(join(fixtures, `format-${format}`), root, { recursive: true });
    const directory = await openDataDirectory(root);
    expect(directory.migrated?.from).toBe(format === formatVersion ? undefined : format);
    const scope = { account: "123456789012", region: "eu-central-1" };
    await withStore(directory.database, async (store) => {
      expect(await store.get({ ...scope, kind: "training-job", name: "a-job" })).toEqual({
        ...scope,
        kind: "training-job",
        name: "a-job",
        version: 2,
        createdAt: 1_700_000_000_000,
        modifiedAt: 1_700_000_000_000,
        status: "Completed",
        value: { note: "two" },
      });
      const { records } = await store.list({ kind: "bucket", limit: 10 });
      expect(records.map(({ name, value }) => [name, value])).toEqual([["a-bucket", { createdBy: "fixture" }]]);
      await store.write([{ op: "create", key: key("new"), value: 1 }]);
    });
    expect(await readFile(join(directory.objects, "an-object"), "utf8")).toBe("bytes\n");
    await directory.close();
  },
);

function raiseFormat(path: string, format: number): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA user_version = ${format}`);
  database.close();
}

test("somebody's folder is left as it is", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sagebrush-foreign-"));
  try {
    await chmod(folder, 0o755);
    await mkdir(join(folder, "models"));
    await writeFile(join(folder, "models", "mine.bin"), "weights");
    await expect(openDataDirectory(folder)).rejects.toThrow(/has other files \(models\)/);
    expect((await stat(folder)).mode & 0o777).toBe(0o755);
    expect(await readdir(folder)).toEqual(["models"]);
    // What a start leaves that ended early is no hindrance.
    await rm(join(folder, "models", "mine.bin"));
    await writeFile(join(folder, "config.json"), "{}");
    await (await openDataDirectory(folder)).close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
