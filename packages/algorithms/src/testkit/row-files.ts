import { encodeRecordFrames } from "../formats/recordio-protobuf/encode.ts";
import type { ProtobufRecord, Tensor } from "../formats/recordio-protobuf/record.ts";
import type { DenseRows } from "../formats/rows.ts";

/** Rows of numbers as tests make them; without labels for algorithms that take none. */
export interface TestRows {
  readonly features: readonly (readonly number[])[];
  readonly labels?: readonly number[];
}

/** The rows as CSV, labels first. */
export function csvOf({ features, labels }: TestRows): string {
  return features.map((row, i) => `${[...(labels === undefined ? [] : [labels[i]]), ...row].join(",")}\n`).join("");
}

/** The rows as RecordIO-protobuf; sparse ones have their zeros left out. */
export function recordIoOf({ features, labels }: TestRows, isSparse: boolean): Buffer {
  const tensor = (row: readonly number[]): Tensor => {
    if (!isSparse) return { type: "float32", values: row };
    const keys = row.flatMap((value, j) => (value === 0 ? [] : [j]));
    return { type: "float32", values: keys.map((j) => row[j] as number), keys, shape: [row.length] };
  };
  return encodeRecordFrames(
    features.map(
      (row, i): ProtobufRecord => ({
        features: new Map([["values", tensor(row)]]),
        label: new Map(labels === undefined ? [] : [["values", { type: "float32", values: [labels[i] as number] }]]),
      }),
    ),
  );
}

/** The features as a request has them. */
export function denseOf({ features }: TestRows): DenseRows {
  const width = features[0]?.length ?? 0;
  return { kind: "dense", count: features.length, width, values: Float32Array.from(features.flat()) };
}
