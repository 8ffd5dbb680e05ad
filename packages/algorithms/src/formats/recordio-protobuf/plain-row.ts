import { CustomerError } from "../../job/errors.ts";
import { decodeRecord } from "./decode.ts";
import { encodeRecord } from "./encode.ts";
import type { Payload } from "./frames.ts";
import { type ProtobufRecord, type Tensor, valuesKey } from "./record.ts";
import { MalformedMessage } from "./wire-reader.ts";

/** Tags of the fields of plain records: field number x 8 + wire type 2. */
const tag = { features: 0x0a, label: 0x12, configuration: 0x2a, key: 0x0a, value: 0x12, float32: 0x12 } as const;
const tensorTag = { values: 0x0a, keys: 0x12, shape: 0x1a } as const;
const keyBytes = [...Buffer.from(valuesKey)];
/** From this width on, copying bytes is faster than reading numbers one by one. */
const wideRow = 64;

/**
 * The features and labels of one record, read in place and without allocating: one object serves a whole file. Records
 * in another than the usual form (packed float32 tensors under the key `values`) are first brought into it.
 */
export class PlainRow {
  /** Numbers in the features tensor, and in the label. */
  valueCount = 0;
  labelCount = 0;
  /** Whether values have keys, so that the row is sparse. */
  isSparse = false;
  /** Product of the shape; undefined without one. */
  shapeSize: number | undefined;
  /** `train/matrix_0.pbr, record 3`: for messages. */
  get place(): string {
    return `${this.#name}, record ${this.#number}`;
  }

  #bytes: Uint8Array = new Uint8Array();
  #view = new DataView(this.#bytes.buffer);
  #name = "";
  #number = 0;
  #hasFeatures = false;
  #hasLabel = false;
  #valuesAt = 0;
  #keysAt = 0;
  #keysEnd = 0;
  #shapeAt = 0;
  #shapeEnd = 0;
  #labelAt = 0;
  /** Where the last varint ended. */
  #at = 0;

  /**
   * Moves to a frame's record.
   * @throws CustomerError naming the record when it is malformed or has no features.
   */
  read({ bytes, at, end, name, number }: Payload): void {
    this.#name = name;
    this.#number = number;
    if (this.#readPlain(bytes, at, end)) return;
    const plain = encodeRecord(plainRecord(this.#decode(bytes, at, end), this.place));
    if (!this.#readPlain(plain, 0, plain.length)) throw new Error(`${this.place} could not be brought into plain form`);
  }

  /** Copies the values of a dense row. */
  copyValues(target: Float32Array, at: number): void {
    if (this.valueCount < wideRow) {
      for (let i = 0; i < this.valueCount; i++) target[at + i] = this.#view.getFloat32(this.#valuesAt + 4 * i, true);
      return;
    }
    const bytes = new Uint8Array(target.buffer, target.byteOffset + at * 4, this.valueCount * 4);
    bytes.set(this.#bytes.subarray(this.#valuesAt, this.#valuesAt + bytes.length));
  }

  copyLabels(target: Float32Array, at: number, count: number): void {
    for (let i = 0; i < count; i++) target[at + i] = this.#view.getFloat32(this.#labelAt + 4 * i, true);
  }

  /** Copies the keys of a sparse row. @returns How many there are, even beyond `limit`, up to which they are copied. */
  copyKeys(target: { [index: number]: number }, at: number, limit: number): number {
    let count = 0;
    for (let next = this.#keysAt; next < this.#keysEnd; next = this.#at) {
      const key = this.#varint(next, this.#keysEnd);
      if (count < limit) target[at + count] = key;
      count++;
    }
    return count;
  }

  #decode(bytes: Uint8Array, at: number, end: number): ProtobufRecord {
    try {
      return decodeRecord(bytes, at, end);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      throw new CustomerError(`${this.place} is not a protocol buffers Record (${error.message}).`, { cause: error });
    }
  }

  /** @returns false when the record has another form, or may be malformed. */
  #readPlain(bytes: Uint8Array, begin: number, end: number): boolean {
    if (
      bytes.buffer !== this.#bytes.buffer ||
      bytes.byteOffset !== this.#bytes.byteOffset ||
      bytes.length !== this.#bytes.length
    ) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.valueCount = 0;
    this.labelCount = 0;
    this.isSparse = false;
    this.shapeSize = undefined;
    this.#hasFeatures = false;
    this.#hasLabel = false;
    for (let at = begin; at < end; ) {
      const field = bytes[at] ?? 0;
      const length = this.#varint(at + 1, end);
      const from = this.#at;
      at = from + length;
      if (length < 0 || at > end || field > tag.configuration || field % 8 !== 2) return false;
      if (field === tag.features && !this.#readFeatures(from, at)) return false;
      if (field === tag.label && !this.#readLabel(from, at)) return false;
    }
    return this.#hasFeatures;
  }

  #readFeatures(begin: number, end: number): boolean {
    if (this.#hasFeatures) return false;
    this.#hasFeatures = true;
    let seen = 0;
    this.#keysAt = this.#keysEnd = this.#shapeAt = this.#shapeEnd = 0;
    for (let at = this.#tensor(begin, end); at !== end; ) {
      if (at < 0) return false;
      const field = this.#bytes[at] ?? 0;
      const length = this.#varint(at + 1, end);
      const from = this.#at;
      at = from + length;
      // Each once and in order, as all writers have them.
      if (length < 0 || at > end || field <= seen) return false;
      seen = field;
      if (field === tensorTag.values && length % 4 === 0) {
        this.#valuesAt = from;
        this.valueCount = length / 4;
      } else if (field === tensorTag.keys) {
        this.#keysAt = from;
        this.#keysEnd = at;
      } else if (field === tensorTag.shape) {
        this.#shapeAt = from;
        this.#shapeEnd = at;
      } else return false;
    }
    this.isSparse = this.#keysEnd > this.#keysAt;
    return this.#checkVarints();
  }

  #checkVarints(): boolean {
    for (let next = this.#keysAt; next < this.#keysEnd; next = this.#at) {
      if (this.#varint(next, this.#keysEnd) < 0) return false;
    }
    for (let next = this.#shapeAt; next < this.#shapeEnd; next = this.#at) {
      const size = this.#varint(next, this.#shapeEnd);
      if (size < 0) return false;
      this.shapeSize = (this.shapeSize ?? 1) * size;
    }
    return true;
  }

  #readLabel(begin: number, end: number): boolean {
    if (this.#hasLabel) return false;
    this.#hasLabel = true;
    const at = this.#tensor(begin, end);
    if (at === end) return true;
    if (at < 0 || this.#bytes[at] !== tensorTag.values) return false;
    const length = this.#varint(at + 1, end);
    if (length < 0 || length % 4 !== 0 || this.#at + length !== end) return false;
    this.#labelAt = this.#at;
    this.labelCount = length / 4;
    return true;
  }

  /** Goes into a map entry: key `values`, value a float32 tensor and nothing else. @returns Where that begins, or -1. */
  #tensor(begin: number, end: number): number {
    const bytes = this.#bytes;
    let at = begin;
    if (bytes[at++] !== tag.key || bytes[at++] !== keyBytes.length) return -1;
    for (const byte of keyBytes) if (bytes[at++] !== byte) return -1;
    for (const wanted of [tag.value, tag.float32]) {
      if (at >= end || bytes[at] !== wanted) return -1;
      const length = this.#varint(at + 1, end);
      if (length < 0 || this.#at + length !== end) return -1;
      at = this.#at;
    }
    return at;
  }

  /** @returns The number, exact up to 2^53, or -1 when it is cut off; `#at` is left behind it. */
  #varint(begin: number, end: number): number {
    let value = 0;
    let scale = 1;
    for (let at = begin; at < end && at < begin + 10; at++) {
      const byte = this.#bytes[at] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#at = at + 1;
        return value;
      }
      scale *= 128;
    }
    return -1;
  }
}

/** The same record with nothing but packed float32 features and labels under the key `values`. */
function plainRecord({ features, label }: ProtobufRecord, place: string): ProtobufRecord {
  const values = features.get(valuesKey);
  const labels = label.get(valuesKey);
  if (values === undefined) throw new CustomerError(`${place} has no features under the key '${valuesKey}'.`);
  if (values.type === "bytes") throw new CustomerError(`${place} has bytes where a tensor of features was expected.`);
  return {
    features: new Map([[valuesKey, float32(values)]]),
    label: new Map(labels === undefined || labels.type === "bytes" ? [] : [[valuesKey, float32(labels)]]),
  };
}

function float32({ values, keys, shape }: Tensor): Tensor {
  return {
    type: "float32",
    values,
    ...(keys === undefined ? {} : { keys }),
    ...(shape === undefined ? {} : { shape }),
  };
}
