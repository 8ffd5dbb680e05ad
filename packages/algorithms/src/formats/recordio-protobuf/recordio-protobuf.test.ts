import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SourceFile } from "../source-file.ts";
import { decodeRecord } from "./decode.ts";
import { decodeRows } from "./decode-rows.ts";
import { encodeFrame, encodeRecord, encodeRecordFrames } from "./encode.ts";
import { framesIn, framesInFile } from "./frames.ts";
import { readRecordIo } from "./read-recordio.ts";
import type { ProtobufRecord, RecordValue, Tensor } from "./record.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-recordio-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

let written = 0;
function fileOf(content: Uint8Array): SourceFile {
  const path = join(directory, `matrix_${written++}.pbr`);
  writeFileSync(path, content);
  return { path, name: "train/matrix.pbr", sizeBytes: statSync(path).size };
}

function row(features: Partial<Tensor> & { values: number[] }, label?: number): ProtobufRecord {
  return {
    features: new Map([["values", { type: "float32", ...features }]]),
    label: new Map(label === undefined ? [] : [["values", { type: "float32", values: [label] }]]),
  };
}

// Published worked example: features [1.5, 2.0], label 1.0.
const example = Buffer.from(
  "0a23d7ce2c0000000a160a0676616c756573120c120a0a080000c03f0000004012120a0676616c756573120812060a040000803f",
  "hex",
);

test("the published example is written byte for byte, and read", () => {
  expect(encodeRecordFrames([row({ values: [1.5, 2] }, 1)])).toEqual(example);
  const [frame] = [...framesIn(example, "example")];
  const record = decodeRecord(example, frame?.at, frame?.end);
  expect(record.features.get("values")).toEqual({ type: "float32", values: Float32Array.of(1.5, 2) });
  expect(record.label.get("values")).toEqual({ type: "float32", values: Float32Array.of(1) });
});

const position = fc.nat({ max: 2 ** 40 });
const positions = fc.record({
  keys: fc.array(position, { minLength: 1 }),
  shape: fc.array(position, { minLength: 1 }),
});
const tensor = fc
  .tuple(
    fc.oneof(
      fc.record({ type: fc.constant("float32" as const), values: fc.array(fc.float()) }),
      fc.record({ type: fc.constant("float64" as const), values: fc.array(fc.double()) }),
      fc.record({ type: fc.constant("int32" as const), values: fc.array(fc.integer()) }),
    ),
    fc.option(positions, { nil: {} }),
  )
  .map(([values, places]): RecordValue => ({ ...values, ...places }));
const blobs = fc.record(
  {
    type: fc.constant("bytes" as const),
    values: fc.array(fc.uint8Array()),
    contentType: fc.string({ unit: "binary" }),
  },
  { requiredKeys: ["type", "values"] },
);
const values = fc
  .array(fc.tuple(fc.string({ unit: "binary" }), fc.oneof(tensor, blobs)))
  .map((entries) => new Map<string, RecordValue>(entries));
const record: fc.Arbitrary<ProtobufRecord> = fc.record(
  {
    features: values,
    label: values,
    uid: fc.string({ unit: "binary" }),
    metadata: fc.string(),
    configuration: fc.string(),
  },
  { requiredKeys: ["features", "label"] },
);

/** Typed arrays and lists of the same numbers are the same tensor. */
function plain({ features, label, ...texts }: ProtobufRecord) {
  const flat = (map: ReadonlyMap<string, RecordValue>) =>
    [...map].map(([key, value]) => [
      key,
      value.type === "bytes"
        ? { ...value, values: value.values.map((bytes) => [...bytes]) }
        : { ...value, values: Array.from(value.values) },
    ]);
  return { features: flat(features), label: flat(label), ...texts };
}

test("what is written is read back", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 5 }), (records) => {
      const frames = [...framesIn(encodeRecordFrames(records), "body")];
      expect(frames.map(({ bytes, at, end }) => plain(decodeRecord(bytes, at, end)))).toEqual(records.map(plain));
    }),
    { numRuns: 300 },
  );
});

test("unpacked, split and unknown fields are read", () => {
  // Float32Tensor: values unpacked 1.5, packed [2], unpacked -1; keys unpacked 3, packed [4, 300]; shape packed [500].
  const tensorBytes = "0d0000c03f0a04000000400d000080bf1003120304ac021a02f403";
  const value = `12${(tensorBytes.length / 2).toString(16)}${tensorBytes}`;
  const entry = `0a0676616c75657312${(value.length / 2).toString(16)}${value}`;
  // And three fields that no schema has: number 15 as varint, 14 as 32 bits, 13 as text.
  const bytes = Buffer.from(`7801${"75"}01020304${"6a"}0161${"0a"}${(entry.length / 2).toString(16)}${entry}`, "hex");
  expect(plain(decodeRecord(bytes)).features).toEqual([
    ["values", { type: "float32", values: [1.5, 2, -1], keys: [3, 4, 300], shape: [500] }],
  ]);
});

test("any bytes are read or refused, never crash or hang", () => {
  const mutated = fc.tuple(record, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }), fc.nat());
  fc.assert(
    fc.property(mutated, ([original, changes, cut]) => {
      const bytes = encodeRecordFrames([original]);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const body = bytes.subarray(0, bytes.length - (cut % 9));
      try {
        decodeRows(body, 3);
      } catch (error) {
        expect(error).toMatchObject({ name: "CustomerError", message: expect.stringMatching(/^The body/) });
      }
    }),
    { numRuns: 1000 },
  );
});

test.for<[string, (whole: Buffer) => Buffer, RegExp]>([
  ["in its header", (whole) => whole.subarray(0, 56), /record 2: the frame is cut off after 4 of its first 8 bytes/],
  ["in its payload", (whole) => whole.subarray(0, 100), /record 2: the frame is cut off: it has 40 of its 44 bytes/],
])("a frame cut off %s is refused by number", async ([, cut, message]) => {
  const whole = Buffer.concat([example, example]);
  expect(() => decodeRows(cut(whole), 2)).toThrow(message);
  await expect(readRecordIo([fileOf(cut(whole))], { labelWidth: 1 })).rejects.toThrow(message);
});

test("bytes of another format are refused", async () => {
  await expect(readRecordIo([fileOf(Buffer.from("1,2,3\n4,5,6\n"))], { labelWidth: 1 })).rejects.toThrow(
    "train/matrix.pbr, record 1: expected a RecordIO frame (0xced7230a), found 0x2c322c31.",
  );
});

test("dense records make a dense table", async () => {
  const records = [
    row({ values: [1, 2] }, 0),
    row({ values: [3, 4], type: "float64" }, 1),
    row({ values: [5, 6], type: "int32" }, 2),
  ];
  const files = [fileOf(encodeRecordFrames(records)), fileOf(Buffer.alloc(0)), fileOf(encodeRecordFrames(records))];
  const { features, labels } = await readRecordIo(files, { labelWidth: 1 });
  expect(features).toMatchObject({ kind: "dense", count: 6, width: 2 });
  expect([...features.values]).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
  expect([...labels]).toEqual([0, 1, 2, 0, 1, 2]);
  expect(labels.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test("one sparse record makes a sparse table, in ascending columns", async () => {
  const records = [
    row({ values: [9, 7], keys: [8, 2], shape: [10] }, 1),
    row({ values: [], shape: [10] }, 0),
    row({ values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] }, 1),
  ];
  const { features } = await readRecordIo([fileOf(encodeRecordFrames(records))], { labelWidth: 1 });
  if (features.kind !== "sparse") throw new Error("expected sparse rows");
  expect([...features.offsets]).toEqual([0, 2, 2, 12]);
  expect([...features.columns]).toEqual([2, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect([...features.values].slice(0, 3)).toEqual([7, 9, 0]);
  expect(features.width).toBe(10);
});

test.for<[string, ProtobufRecord[], RegExp]>([
  [
    "another width",
    [row({ values: [1, 2] }, 0), row({ values: [1] }, 0)],
    /record 2 has 1 features where 2 were expected/,
  ],
  ["no label", [row({ values: [1, 2] })], /record 1 has 0 label\(s\) where 1 were expected/],
  ["no features", [{ features: new Map(), label: new Map() }], /record 1 has no features under the key 'values'/],
  [
    "bytes for features",
    [{ features: new Map([["values", { type: "bytes", values: [] }]]), label: new Map() }],
    /record 1 has bytes/,
  ],
  ["keys without a shape", [row({ values: [1], keys: [0] }, 0)], /record 1 has keys and so must have a shape/],
  [
    "a key outside its shape",
    [row({ values: [1], keys: [4], shape: [4] }, 0)],
    /record 1 has key 4, which is no column of 4/,
  ],
  ["a key named twice", [row({ values: [1, 2], keys: [1, 1], shape: [4] }, 0)], /record 1 names key 1 twice/],
  ["fewer keys than values", [row({ values: [1, 2], keys: [1], shape: [4] }, 0)], /record 1 has 1 keys for 2 values/],
  ["no records", [], /no rows/],
])("a file is refused for %s", async ([, records, message]) => {
  const file = fileOf(encodeRecordFrames(records));
  await expect(readRecordIo([file], { labelWidth: 1 })).rejects.toThrow(
    expect.objectContaining({ name: "CustomerError", message: expect.stringMatching(message) }),
  );
});

test("files larger than the reader's window are read whole", () => {
  const large = encodeFrame(encodeRecord(row({ values: Array.from({ length: 1_500_000 }, (_, i) => i % 7) }, 1)));
  const file = fileOf(Buffer.concat([example, large, example]));
  const lengths = [...framesInFile(file)].map(({ at, end }) => end - at);
  expect(lengths).toEqual([44, large.readUInt32LE(4), 44]);
});

test("a record without its frame is a row, as batch transform sends single records", () => {
  for (const record of [row({ values: [1, 2] }), row({ values: [1, 2] }, 1)]) {
    const body = encodeRecord(record);
    expect(decodeRows(body, 2)).toMatchObject({ kind: "dense", count: 1, values: Float32Array.of(1, 2) });
    expect(() => decodeRows(body, 3)).toThrow("The body, record 1 has 2 features where 3 were expected.");
    // What is cut off is no record, and was to be a frame.
    expect(() => decodeRows(body.subarray(0, -1), 2)).toThrow("The body, record 1: expected a RecordIO frame");
  }
});

test("a request's rows need no labels", () => {
  const body = encodeRecordFrames([row({ values: [1, 2] }), row({ values: [3, 4] }, 1)]);
  expect(decodeRows(body, 2)).toMatchObject({ kind: "dense", count: 2, values: Float32Array.of(1, 2, 3, 4) });
  expect(() => decodeRows(body, 3)).toThrow("The body, record 1 has 2 features where 3 were expected.");
});
