import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SourceFile } from "../source-file.ts";
import { readCsv } from "./read-csv.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-csv-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

let written = 0;
function fileOf(text: string): SourceFile {
  const path = join(directory, `${written++}.csv`);
  writeFileSync(path, text);
  return { path, name: `train/${written}.csv`, sizeBytes: statSync(path).size };
}

async function read(texts: string[], options: Partial<Parameters<typeof readCsv>[1]> = {}) {
  const files = texts.map(fileOf);
  const { features, labels } = await readCsv(files, { labelWidth: 1, cpus: 1, ...options });
  if (features.kind !== "dense") throw new Error("expected dense rows");
  return { count: features.count, width: features.width, features: [...features.values], labels: [...labels] };
}

test("labels come from the leading columns, features from the rest", async () => {
  expect(await read(["1,0.5,-2\n0,3e2,.25\n"])).toEqual({
    count: 2,
    width: 2,
    features: [0.5, -2, 300, 0.25],
    labels: [1, 0],
  });
  expect(await read(["1,2,3"], { labelWidth: 0 })).toMatchObject({ width: 3, features: [1, 2, 3], labels: [] });
  expect(await read(["1,2,3"], { labelWidth: 2 })).toMatchObject({ width: 1, features: [3], labels: [1, 2] });
});

test.for<[string, string[], number[]]>([
  ["several files, one of them empty", ["0,1\n", "", "0,2"], [1, 2]],
  ["blank lines and Windows line ends", ["\r\n0,1\r\n\r\n0,2\r\n\n"], [1, 2]],
  ["a byte order mark", ["\ufeff0,1\n0,2\n"], [1, 2]],
  ["nothing but a byte order mark beside rows", ["\ufeff", "0,1\n"], [1]],
  ["blanks around values", ["0, 1\n0,\t2 \n"], [1, 2]],
  ["quoted numbers", ['"0","1"\n0," 2 "\n'], [1, 2]],
  ["infinities", ["0,inf\n0,-Infinity\n"], [Infinity, -Infinity]],
])("reads %s", async ([, texts, expected]) => {
  expect((await read(texts)).features).toEqual(expected);
});

test.for(["", " ", '""', "nan", "NaN", "NA", "N/A", "null", "None"])(
  "a missing value may be written '%s'",
  async (word) => {
    const { features } = await read([`0,1,${word}\n0,${word},2\n`]);
    expect(features).toEqual([1, Number.NaN, Number.NaN, 2]);
  },
);

test.for<[string, string[], RegExp]>([
  [
    "a row too short",
    ["0,1,2\n0,1,2\n\n0,1\n"],
    /^train\/\d+\.csv, line 4: expected 3 values as in the first row, found 2\./,
  ],
  ["a row too long", ["0,1\n", "0,1\n0,1,2,3\n"], /^train\/\d+\.csv, line 2: expected 2 values .* found more than 2\./],
  ["a header", ["species,mass\n0,1\n"], /^train\/\d+\.csv, line 1: value 1 is not a number: 'species'.*no header/],
  ["a word", ["0,1\n0,heavy\n"], /line 2: value 2 is not a number: 'heavy'/],
  ["two numbers in one field", ["0,1 2\n"], /value 2 is not a number: '1 2'/],
  ["an exponent without digits", ["0,1e\n"], /value 2 is not a number: '1e'/],
  ["hexadecimal", ["0,0x10\n"], /value 2 is not a number: '0x10'/],
  ["a lone sign", ["0,-\n"], /value 2 is not a number: '-'/],
  ["no rows", ["", "\n\r\n"], /no rows/],
  ["labels and nothing else", ["0\n1\n"], /first row has 1 value\(s\), too few/],
])("names the place of %s", async ([, texts, message]) => {
  await expect(read(texts)).rejects.toThrow(
    expect.objectContaining({ name: "CustomerError", message: expect.stringMatching(message) }),
  );
});

test("a width that was asked for is checked", async () => {
  await expect(read(["0,1,2\n"], { featureDim: 3 })).rejects.toThrow("has 2 features where 3 were expected");
});

test("a row longer than a block and its tail is read whole", async () => {
  const row = Array.from({ length: 20_000 }, (_, i) => i).join(",");
  const { count, width, features } = await read([`${row}\n${row}\n`], { blockBytes: 64 });
  expect([count, width, features[19_998], features[20_000]]).toEqual([2, 19_999, 19_999, 2]);
});

test("more odd fields than the kernel notes at once are all read", async () => {
  const { features } = await read([Array.from({ length: 9000 }, (_, i) => `0,"${i}"`).join("\n")]);
  expect(features).toEqual(Array.from({ length: 9000 }, (_, i) => i));
});

/** Every way that programs write numbers, and some that only people do. */
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => String(value)),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential(18)),
  fc.integer().map(String),
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
  fc
    .tuple(fc.integer({ min: -9, max: 9 }), fc.stringMatching(/^[0-9]{0,25}$/))
    .map(([whole, part]) => `${whole}.${part}`),
  fc.stringMatching(/^[-+]?(0{0,20}[0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})([eE][-+]?[0-9]{1,2})?$/),
);

test("every number is the float32 nearest to what JavaScript reads", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(number, { minLength: 1, maxLength: 300 }), async (texts) => {
      const { features } = await read([texts.map((text) => `0,${text}\n`).join("")]);
      expect(features).toEqual(texts.map((text) => Math.fround(Number(text))));
    }),
    { numRuns: 200 },
  );
});

test("a midpoint of two float32 values rounds as JavaScript rounds it", async () => {
  const texts = ["16777217", "16777217.0000000001", "1.000000059604644775390625", "1.00000005960464477539062500001"];
  const { features } = await read([texts.map((text) => `0,${text}\n`).join("")]);
  expect(features).toEqual(texts.map((text) => Math.fround(Number(text))));
});

test("blocks and threads do not change the result", async () => {
  const table = fc.record({
    rows: fc.array(fc.array(number, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 60 }),
    blockBytes: fc.integer({ min: 1, max: 400 }),
    ending: fc.constantFrom("\n", "\r\n", "\n\n"),
    isClosed: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(table, async ({ rows, blockBytes, ending, isClosed }) => {
      const text = rows.map((row) => row.join(",")).join(ending) + (isClosed ? ending : "");
      const got = await read([text, text], { blockBytes });
      const once = rows.flatMap((row) => row.slice(1).map((value) => Math.fround(Number(value))));
      expect(got.features).toEqual([...once, ...once]);
      expect(got.labels).toHaveLength(rows.length * 2);
    }),
    { numRuns: 100 },
  );
});

test("helper threads share a large file, and the first fault is the one reported", async () => {
  const line = "1,0.25,0.5,-0.125,1e3\n";
  const rows = 600_000; // about 13 MB: enough for three threads
  const whole = line.repeat(rows);
  const table = await read([whole], { cpus: 3, blockBytes: 50_000 });
  expect(table.count).toBe(rows);
  expect(table.features.slice(-4)).toEqual([0.25, 0.5, -0.125, 1000]);
  expect(table.labels.every((label) => label === 1)).toBe(true);
  const faulty = `${line.repeat(1000)}1,2\n${whole}bad,1,2,3,4\n`;
  await expect(read([faulty], { cpus: 3 })).rejects.toThrow(/line 1001: expected 5 values/);
});

test("reading stops when asked to", async () => {
  const text = "1,2\n".repeat(100_000);
  await expect(read([text], { blockBytes: 1000, signal: AbortSignal.abort() })).rejects.toThrow("aborted");
});
