import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { RowRoom } from "../stream/row-room.ts";
import { encodeRecord, encodeRecordFrames } from "./encode.ts";
import { framesIn } from "./frames.ts";
import { PlainRow } from "./plain-row.ts";
import type { ProtobufRecord, Tensor } from "./record.ts";
import { SparseKernel } from "./sparse-kernel.ts";
import { TableFiller, TableMeasure } from "./table-builder.ts";

let kernel: SparseKernel;
beforeAll(() => {
  const opened = SparseKernel.open();
  if (opened === undefined) throw new Error("sparse-rows.wasm is not built: run `npm run setup`");
  kernel = opened;
});

const width = 100_000;

function parse(frames: Uint8Array, labelWidth = 1) {
  kernel.bytes(frames.length).set(frames);
  return kernel.parse(frames.length, { labelWidth, columns: labelWidth + width }, new RowRoom());
}

/** What the twin makes of the same frames, as a sparse table. */
function twin(frames: Uint8Array, labelWidth = 1) {
  const row = new PlainRow();
  const measure = new TableMeasure(labelWidth, width);
  let entries = 0;
  for (const frame of framesIn(frames, "rows")) {
    row.read(frame);
    measure.add(row);
    entries += row.valueCount;
  }
  const filler = new TableFiller({ ...measure.size, isSparse: true, entries }, new RowRoom());
  for (const frame of framesIn(frames, "rows")) {
    row.read(frame);
    filler.add(row);
  }
  return filler.table;
}

const sparse = (keys: readonly number[], values: readonly number[] = keys.map(() => 1)): Tensor => {
  return { type: "float32", values, keys, shape: [width] };
};
const record = (tensor: Tensor, label: readonly number[] = [1]): ProtobufRecord => ({
  features: new Map([["values", tensor]]),
  label: new Map([["values", { type: "float32", values: label }]]),
});

const keys = fc.uniqueArray(fc.integer({ min: 0, max: width - 1 }), { maxLength: 30 });
const someRecord = fc
  .tuple(keys, fc.infiniteStream(fc.float()), fc.float(), fc.option(fc.string(), { nil: undefined }))
  .map(([columns, values, label, uid]): ProtobufRecord => {
    const ascending = columns.toSorted((a, b) => a - b);
    const plain = record(sparse(ascending, [...values.take(ascending.length)]), [label]);
    return uid === undefined ? plain : { ...plain, uid, metadata: "{}" };
  });

describe("the kernel agrees with its twin", () => {
  test.for([0, 1])("on random records, of which %i numbers are labels", (labelWidth) => {
    fc.assert(
      fc.property(fc.array(someRecord, { maxLength: 20 }), (records) => {
        const frames = encodeRecordFrames(records);
        expect(parse(frames, labelWidth)).toEqual(twin(frames, labelWidth));
      }),
    );
  });

  test.for(["", "a", "ab", "abc"])("also where the last frame, with uid %j, has no padding", (uid) => {
    const records = [record(sparse([1])), { ...record(sparse([2, 70_000])), uid }];
    const frames = encodeRecordFrames(records);
    const payload = encodeRecord(records[1] as ProtobufRecord).length;
    const bare = frames.subarray(0, encodeRecordFrames(records.slice(0, 1)).length + 8 + payload);
    expect(parse(bare)).toEqual(twin(frames));
  });
});

describe("what is left to the twin", () => {
  const good = record(sparse([3, 5]));
  const label = good.label;
  test.for<[string, ProtobufRecord]>([
    ["a dense row", record({ type: "float32", values: [1, 2] })],
    ["keys out of order", record(sparse([5, 3]))],
    ["a key twice", record(sparse([5, 5]))],
    ["a key beyond the width", record(sparse([3, width]))],
    ["a key of more than 32 bits", record(sparse([2 ** 33]))],
    ["another shape", record({ ...sparse([3]), shape: [width + 1] })],
    ["a shape of two sides", record({ ...sparse([3]), shape: [2, width / 2] })],
    ["no shape", record({ type: "float32", values: [1], keys: [3] })],
    ["more keys than values", record(sparse([3, 5], [1]))],
    ["fewer keys than values", record(sparse([3], [1, 2]))],
    ["doubles", record({ ...sparse([3]), type: "float64" })],
    ["features of another name", { features: new Map([["value_", sparse([3])]]), label }],
    ["no features", { features: new Map(), label }],
    ["no label", { features: good.features, label: new Map() }],
    ["a label of no number", record(sparse([3]), [])],
  ])("%s", ([, odd]) => {
    expect(parse(encodeRecordFrames([good, odd]))).toBeUndefined();
  });

  test("bytes that are cut off", () => {
    const frame = encodeRecordFrames([good]);
    const payload = encodeRecord(good).length;
    for (let length = 1; length < 8 + payload; length++) {
      expect(parse(Buffer.concat([frame, frame.subarray(0, length)])), `${length} bytes`).toBeUndefined();
    }
  });

  test("bytes that are no frames", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        expect(parse(bytes)).toBeUndefined();
      }),
    );
  });

  test("no change of a byte makes the kernel read what the twin does not", () => {
    const frames = encodeRecordFrames([good, record(sparse([7, 300, 70_000]))]);
    fc.assert(
      fc.property(fc.nat(frames.length - 1), fc.nat(255), (at, value) => {
        const changed = Uint8Array.from(frames);
        changed[at] = value;
        const found = parse(changed);
        if (found !== undefined) expect(found).toEqual(twin(changed));
      }),
      { numRuns: 2000 },
    );
  });
});
