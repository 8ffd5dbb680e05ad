import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../clock.ts";
import { canTrace, traceProgram } from "../../durable/testkit/system-calls.ts";
import type { Store } from "../store.ts";
import { openSqliteStore } from "./sqlite-store.ts";

const program = join(import.meta.dirname, "testkit", "write-records.ts");
const rounds = 12;

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "sagebrush-durability-")));
});
afterEach(() => rm(folder, { recursive: true }));

test(`${rounds} times, a killed writer loses nothing it acknowledged and leaves no half transaction`, async () => {
  const path = join(folder, "records.db");
  const acknowledged: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const ids = await writeUntilKilled(path, `${round}-`);
    expect(ids.length).toBeGreaterThan(0);
    acknowledged.push(...ids);
    const store = await openSqliteStore(path, { clock: systemClock, commit: "inline" });
    await checkAll(store, acknowledged);
    await store.close();
  }
  const database = new DatabaseSync(path);
  expect(database.prepare("PRAGMA integrity_check").all()).toEqual([
    expect.objectContaining({ integrity_check: "ok" }),
  ]);
  database.close();
});

describe.skipIf(!canTrace)("what the kernel is told (needs strace; Debian: apt-get install strace)", () => {
  test("every acknowledged commit was synced after the last byte of it was written", () => {
    const path = join(folder, "records.db");
    const calls = traceProgram(program, [path, "--count", "5"]);
    // The log's own name is on the disk before anything in it is acknowledged.
    const [firstSync] = indexesOf(calls, (each) => each.call === "fsync" && each.path === folder);
    const acknowledgements = indexesOf(calls, (each) => each.path === "stdout");
    expect(acknowledgements).toHaveLength(5);
    expect(firstSync).toBeLessThan(acknowledgements[0] as number);
    let begin = 0;
    for (const end of acknowledgements) {
      const since = calls.slice(begin, end).filter((each) => each.path === `${path}-wal`);
      const lastWrite = since.findLastIndex((each) => each.call === "write");
      expect(lastWrite).toBeGreaterThanOrEqual(0);
      expect(since.slice(lastWrite).map((each) => each.call)).toContain("fsync");
      begin = end + 1;
    }
  });
});

/** @returns What the writer acknowledged before SIGKILL, at a random moment of its work. */
async function writeUntilKilled(path: string, prefix: string): Promise<string[]> {
  const writer = spawn(process.execPath, [program, path, "--prefix", prefix], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  writer.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await once(writer.stdout, "data");
  // The moment of the kill is what varies; nothing is waited for.
  await delay(Math.random() * 60);
  const end = once(writer, "close");
  writer.kill("SIGKILL");
  await end;
  return output.split("\n").slice(0, -1);
}

async function checkAll(store: Store, acknowledged: readonly string[]): Promise<void> {
  const key = { account: "1", region: "r", kind: "record" };
  for (const id of acknowledged) {
    for (const side of ["left", "right"]) {
      expect((await store.get({ ...key, name: `${side}-${id}` }))?.value).toBe(id.repeat(50));
    }
  }
  const sides = { left: new Set<string>(), right: new Set<string>() };
  let token: string | undefined;
  do {
    const page = await store.list({ ...key, limit: 1_000, ...(token !== undefined && { token }) });
    for (const { name } of page.records) {
      const [, side, id] = /^(left|right)-(.*)$/u.exec(name) ?? [];
      sides[side as "left" | "right"].add(id as string);
    }
    token = page.next;
  } while (token !== undefined);
  expect(sides.left).toEqual(sides.right);
}

function indexesOf<T>(values: readonly T[], isWanted: (value: T) => boolean): number[] {
  return values.flatMap((value, index) => (isWanted(value) ? [index] : []));
}
