import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readParquet } from "./read-parquet.ts";

const fixtures = join(import.meta.dirname, "fixtures");
const scratch = mkdtempSync(join(tmpdir(), "parquet-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const rows = JSON.parse(readFileSync(join(fixtures, "rows.json"), "utf8")) as (number | null)[][];
const expected = rows.map((row) => row.map((value) => value ?? Number.NaN));
const files = readdirSync(fixtures).filter((name) => name.endsWith(".parquet") && name !== "text.parquet");

function source(path: string) {
  return { path, name: `train/${path.split("/").at(-1)}`, sizeBytes: statSync(path).size };
}

async function readRows(path: string): Promise<number[][]> {
  const { features, labels } = await readParquet([source(path)], { labelWidth: 1 });
  const { width, values } = features as Extract<typeof features, { kind: "dense" }>;
  return [...labels].map((label, row) => [label, ...values.subarray(row * width, (row + 1) * width)]);
}

test.for(files)("%s is read to the last bit", async (name) => {
  expect(await readRows(join(fixtures, name))).toEqual(expected);
});

test("files that follow each other in a stream are all read", async () => {
  const path = join(scratch, "stream");
  writeFileSync(
    path,
    Buffer.concat(["zstd-v2.parquet", "snappy-groups.parquet"].map((name) => readFileSync(join(fixtures, name)))),
  );
  expect(await readRows(path)).toEqual([...expected, ...expected]);
});

test("text is refused by the name of its column", async () => {
  await expect(readRows(join(fixtures, "text.parquet"))).rejects.toThrow(
    "train/text.parquet cannot be read as Parquet: column 'name' holds text; columns must hold numbers.",
  );
});

test.for(files)("%s, damaged anywhere, is read or refused, and nothing else", async (name) => {
  const whole = readFileSync(join(fixtures, name));
  for (let i = 0; i < 60; i++) {
    const bytes = Buffer.from(whole.subarray(0, i % 3 === 0 ? Math.floor((whole.length * i) / 60) : whole.length));
    if (bytes.length > 0) bytes[(i * 7919) % bytes.length] = (i * 31) % 256;
    const path = join(scratch, `damaged-${name}`);
    writeFileSync(path, bytes);
    await readRows(path).catch((error: unknown) => expect((error as Error).name).toBe("CustomerError"));
  }
});
