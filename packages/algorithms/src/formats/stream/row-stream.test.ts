import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ChannelFiles, channelOf, writeFiles } from "../../testkit/channel.ts";
import { temporaryDirectory } from "../../testkit/temporary-directory.ts";
import { encodeRecordFrames } from "../recordio-protobuf/encode.ts";
import type { ProtobufRecord } from "../recordio-protobuf/record.ts";
import type { Rows, Table } from "../rows.ts";
import { MemoryBudget } from "./memory-budget.ts";
import type { RowBlock } from "./row-block.ts";
import { type PassSource, RowStream, type RowStreamOptions } from "./row-stream.ts";

const options = { labelWidth: 1, defaultContentType: "text/csv" };

const channel = (files: ChannelFiles) => channelOf({ files });

/** A stream of these files in blocks of a few bytes, which no channel has, so that small files occupy many threads. */
function smallBlocks(files: ChannelFiles, options: Partial<RowStreamOptions> = {}) {
  const directory = temporaryDirectory();
  writeFiles(directory, files);
  const sources = Object.entries(files).map(([name, content]) => ({
    path: join(directory, name),
    name: `train/${name}`,
    sizeBytes: Buffer.byteLength(content),
  }));
  const source: PassSource = {
    format: sources.some(({ name }) => name.endsWith(".pbr")) ? "recordio" : "csv",
    files: sources,
    labelWidth: 1,
    isRepeatable: true,
    [Symbol.dispose]: () => undefined,
  };
  return new RowStream(async () => source, {
    isDense: true,
    cpus: 1,
    signal: undefined,
    budget: new MemoryBudget(0),
    blockBytes: 4096,
    ...options,
  });
}

interface Seen {
  readonly labels: number[];
  readonly rows: number[][];
  readonly firstRows: number[];
}

async function collect(stream: AsyncIterable<RowBlock>): Promise<Seen> {
  const seen: Seen = { labels: [], rows: [], firstRows: [] };
  for await (const block of stream) {
    expect(block.firstRow).toBe(seen.rows.length);
    expect(block.features.values.buffer).toBeInstanceOf(SharedArrayBuffer);
    seen.firstRows.push(block.firstRow);
    seen.labels.push(...block.labels);
    seen.rows.push(...listed(block.features));
  }
  return seen;
}

function listed(rows: Rows): number[][] {
  return Array.from({ length: rows.count }, (_, i) => {
    if (rows.kind === "dense") return [...rows.values.subarray(i * rows.width, (i + 1) * rows.width)];
    const row = Array.from({ length: rows.width }, () => 0);
    for (let e = rows.offsets[i] as number; e < (rows.offsets[i + 1] as number); e++) {
      row[rows.columns[e] as number] = rows.values[e] as number;
    }
    return row;
  });
}

const ofTable = ({ features, labels }: Table) => ({ labels: [...labels], rows: listed(features) });

/** Some 200 blocks of 4 KiB. */
function largeCsv(rows = 40_000): string {
  return Array.from({ length: rows }, (_, i) => `${i % 7},${i},${(i * 0.37).toFixed(4)},-${i % 1000}e-3\n`).join("");
}

function records(count: number, isSparse: (i: number) => boolean): Uint8Array {
  return encodeRecordFrames(
    Array.from({ length: count }, (_, i): ProtobufRecord => {
      const [a, b] = [i + 0.5, -i];
      const values = isSparse(i)
        ? { type: "float32" as const, values: [b, a], keys: [2, 0], shape: [4] }
        : { type: "float32" as const, values: [a, 0, b, 1] };
      const label = { type: "float32" as const, values: [i] };
      return { features: new Map([["values", values]]), label: new Map([["values", label]]) };
    }),
  );
}

describe("CSV", () => {
  test("any division into blocks gives the rows of the file, in any number of passes", async () => {
    const row = fc.tuple(fc.integer({ min: 0, max: 99 }), fc.float({ noNaN: true, noDefaultInfinity: true }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(row, fc.constantFrom("\n", "\r\n", "\n\n")), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(0, 50, 1_000_000),
        async (lines, blockBytes, budget) => {
          const text = lines.map(([[label, value], end]) => `${label},${value},"1"${end}`).join("");
          const stream = smallBlocks({ "rows.csv": text }, { blockBytes, budget: new MemoryBudget(budget) });
          const first = await collect(stream);
          // Texts have no -0: `${-0}` is "0".
          expect(first.rows).toEqual(lines.map(([[, value]]) => [Math.fround(value) + 0, 1]));
          expect(first.labels).toEqual(lines.map(([[label]]) => label));
          expect(await collect(stream)).toEqual(first);
          expect(await collect(stream)).toEqual(first);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("several files and threads give the rows of `read`, in the same blocks as one thread", async () => {
    const files = { "a.csv": "3,1,2,3\n4,5,,7", "b.csv": largeCsv(), "empty.csv": "" };
    const one = await collect(smallBlocks(files));
    const three = await collect(smallBlocks(files, { cpus: 3 }));
    expect(one.firstRows.length).toBeGreaterThan(100);
    expect(three).toEqual(one);
    const { firstRows: _, ...rows } = one;
    expect(rows).toEqual(ofTable(await channel(files).read(options)));
  });

  test.for([1, 3])("the first row at fault is named as `read` names it, with %i thread(s)", async (cpus) => {
    const rows = largeCsv().split("\n");
    rows[20_000] = "1,2,three,4";
    rows[30_000] = "1,2";
    const files = { "rows.csv": rows.join("\n") };
    const message = "train/rows.csv, line 20001: value 3 is not a number: 'three'";
    await expect(channel(files).read(options)).rejects.toThrow(message);
    await expect(collect(smallBlocks(files, { cpus }))).rejects.toThrow(message);
  });

  test("rows before the one at fault can be used", async () => {
    let rows = 0;
    const use = async () => {
      for await (const { features } of smallBlocks({ "rows.csv": "1,2\n1,3\n1,x\n" }, { blockBytes: 4 }))
        rows += features.count;
    };
    await expect(use()).rejects.toThrow("train/rows.csv, line 3: value 2 is not a number: 'x'");
    expect(rows).toBe(2);
  });

  test("a channel without files or rows, and a row of another width than expected", async () => {
    const stream = (files: Record<string, string>) =>
      collect(channel(files).stream({ ...options, isDense: true, featureDim: 2 }));
    await expect(stream({})).rejects.toThrow("Channel 'train' has no files.");
    await expect(stream({ "a.csv": "", "b.csv": "\n" })).rejects.toThrow("all of its files are empty");
    await expect(stream({ "a.csv": "1,2\n" })).rejects.toThrow("the first row has 1 features where 2 were expected");
  });
});

describe("RecordIO-protobuf", () => {
  const large = 10_000; // some 150 blocks of 4 KiB

  test.for([
    ["dense records", () => false],
    ["sparse records", () => true],
    ["both kinds", (i: number) => i % 5 === 0],
  ] as const)("%s: the rows of `read`, dense or as they come, on any number of threads", async ([, isSparse]) => {
    const files = { "a.pbr": records(large, isSparse), "b.pbr": records(3, isSparse) };
    const wanted = ofTable(await channel(files).read(options));
    const one = await collect(smallBlocks(files));
    const { firstRows, ...rows } = one;
    expect(firstRows.length).toBeGreaterThan(100);
    expect(rows).toEqual(wanted);
    expect(await collect(smallBlocks(files, { cpus: 3 }))).toEqual(one);
    expect(await collect(smallBlocks(files, { cpus: 2, isDense: false }))).toEqual(one);
  });

  test("sparse rows without any value are zeros, in memory that other rows have been in", async () => {
    const empty: ProtobufRecord = {
      features: new Map([["values", { type: "float32", values: [], keys: [], shape: [4] }]]),
      label: new Map([["values", { type: "float32", values: [1] }]]),
    };
    const bytes = Buffer.concat([
      records(large, () => false),
      encodeRecordFrames(Array.from({ length: large }, () => empty)),
    ]);
    const { rows } = await collect(smallBlocks({ "a.pbr": bytes }));
    expect(
      rows
        .slice(large)
        .flat()
        .every((value) => value === 0),
    ).toBe(true);
  });

  test("a record at fault is named by its number, a file cut off after the rows before it", async () => {
    const good = records(large, () => false);
    const frame = good.length / large; // all have the same length;
    const broken = Buffer.from(good);
    broken.fill(0xff, frame * 8_000 + 8, frame * 8_000 + 20);
    await expect(collect(smallBlocks({ "a.pbr": broken }, { cpus: 2 }))).rejects.toThrow(
      "train/a.pbr, record 8001 is not a protocol buffers Record",
    );
    const cut = smallBlocks({ "a.pbr": good.subarray(0, good.length - 5) });
    let rows = 0;
    const use = async () => {
      for await (const { features } of cut) rows += features.count;
    };
    await expect(use()).rejects.toThrow(`train/a.pbr, record ${large}: the frame is cut off`);
    expect(rows).toBeGreaterThan(0);
  });
});

test("rows are kept for another pass, and not where there is none", async () => {
  const files = { "rows.csv": largeCsv(1000) };
  const buffers = async (isOnePass: boolean) => {
    const seen = new Set<ArrayBufferLike>();
    const stream = smallBlocks(files, { isOnePass, budget: new MemoryBudget(1e9) });
    for await (const { features } of stream) seen.add(features.values.buffer);
    return seen.size;
  };
  expect(await buffers(false)).toBeGreaterThan(3);
  expect(await buffers(true)).toBe(1);
});

test("a pass that is given up ends its threads, and the next one begins anew", async () => {
  const stream = smallBlocks({ "rows.csv": largeCsv() }, { cpus: 3 });
  for (let i = 0; i < 3; i++) {
    for await (const { firstRow } of stream) {
      expect(firstRow).toBe(0);
      break;
    }
  }
  expect((await collect(stream)).rows).toHaveLength(40_000);
});

test("a stop ends a pass", async () => {
  const stopped = new AbortController();
  const stream = smallBlocks({ "rows.csv": largeCsv() }, { cpus: 2, signal: stopped.signal });
  const use = async () => {
    for await (const _ of stream) stopped.abort(new Error("stopped"));
  };
  await expect(use()).rejects.toThrow("stopped");
});
