/**
 * The messages of package aialgs.data (proto2), as values. Every number in them may be read in packed and in unpacked
 * form; packed form is what is written.
 */
export interface ProtobufRecord {
  readonly features: ReadonlyMap<string, RecordValue>;
  readonly label: ReadonlyMap<string, RecordValue>;
  readonly uid?: string;
  readonly metadata?: string;
  /** JSON text with settings of this record. */
  readonly configuration?: string;
}

export type RecordValue = Tensor | Blobs;

/** Dense when it has no keys; else `keys` are positions in a matrix of `shape`, row-major. */
export interface Tensor {
  readonly type: "float32" | "float64" | "int32";
  readonly values: ArrayLike<number>;
  readonly keys?: ArrayLike<number>;
  readonly shape?: ArrayLike<number>;
}

/** Bytes of another format, such as an image. */
export interface Blobs {
  readonly type: "bytes";
  readonly values: readonly Uint8Array[];
  readonly contentType?: string;
}

/** Name of plain feature vectors and of training labels. */
export const valuesKey = "values";

/** Field numbers; the gaps are the schema's. */
export const field = {
  record: { features: 1, label: 2, uid: 3, metadata: 4, configuration: 5 },
  entry: { key: 1, value: 2 },
  value: { float32: 2, float64: 3, int32: 7, bytes: 9 },
  tensor: { values: 1, keys: 2, shape: 3 },
  bytes: { value: 1, contentType: 2 },
} as const;

/** Wire types of protocol buffers. */
export const wire = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;

/** First word of every frame, little-endian. */
export const frameMagic = 0xced7230a;
