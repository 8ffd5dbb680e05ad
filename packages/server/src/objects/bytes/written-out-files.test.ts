import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { BytesReference } from "../object-records.ts";
import { WrittenOutFiles } from "./written-out-files.ts";

let root: string;
let files: WrittenOutFiles;
/** What the store holds, by id. */
let stored: Map<string, Buffer>;
let reads: string[];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "sagebrush-written-out-"));
  stored = new Map();
  reads = [];
  files = new WrittenOutFiles(root, async (id) => {
    reads.push(id);
    const bytes = stored.get(id);
    if (bytes === undefined) throw new Error(`${id} is gone`);
    return bytes;
  });
  await files.open();
});
afterEach(async () => {
  await files.close();
  rmSync(root, { recursive: true, force: true });
});

function store(id: string): BytesReference {
  const bytes = Buffer.from(`bytes of ${id}`);
  stored.set(id, bytes);
  return { id, sizeBytes: bytes.length, inline: true };
}

/** Names of every file that was written. */
function written(): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}

test("files of many batches are all there, each written once whoever asks", async () => {
  const references = Array.from({ length: 300 }, (_, n) => store(`id-${n}`));
  await Promise.all([
    files.write(references),
    files.write(references.slice(100)),
    files.write(references.toReversed()),
  ]);
  expect(written()).toHaveLength(300);
  expect(reads).toHaveLength(300);
  expect(readFileSync(files.path("id-299"), "utf8")).toBe("bytes of id-299");
});

test("one that is gone fails who asked for it, and no other of its batch", async () => {
  const kept = store("kept");
  const gone = store("gone");
  stored.delete("gone");
  const [both, alone] = await Promise.allSettled([files.write([gone, kept]), files.write([kept])]);
  expect(both).toMatchObject({ status: "rejected", reason: { message: "gone is gone" } });
  expect(alone).toMatchObject({ status: "fulfilled" });
  expect(written()).toEqual(["kept"]);
});

test("a batch that fails in the middle leaves nothing, and can be asked for again", async () => {
  const [first, second] = [store("first"), store("second")];
  writeFileSync(files.path("second"), "somebody else's");
  await expect(files.write([first, second])).rejects.toMatchObject({ code: "EEXIST" });
  expect(written()).toEqual(["second"]);
  rmSync(files.path("second"));
  await files.write([first, second]);
  expect(written()).toEqual(["first", "second"]);
});

test("what is removed while it is written goes; what is removed before its time is never written", async () => {
  const writing = files.write([store("early")]);
  await Promise.all([writing, files.remove("early")]);
  expect(written()).toEqual([]);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    files.writeLater(store("overwritten"));
    files.writeLater(store("stays"));
    await files.remove("overwritten");
    await vi.advanceTimersByTimeAsync(1900);
    expect(reads).toEqual(["early"]);
    await vi.advanceTimersByTimeAsync(200);
  } finally {
    vi.useRealTimers();
  }
  await expect.poll(written).toEqual(["stays"]);
});
