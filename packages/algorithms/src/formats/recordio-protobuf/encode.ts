import { type Blobs, field, frameMagic, type ProtobufRecord, type RecordValue, type Tensor, wire } from "./record.ts";

/** Serialises one Record, without a frame. */
export function encodeRecord(record: ProtobufRecord): Buffer {
  const { features, label, uid, metadata, configuration } = record;
  return Buffer.concat([
    ...Array.from(features, ([key, value]) => delimited(field.record.features, encodeEntry(key, value))),
    ...Array.from(label, ([key, value]) => delimited(field.record.label, encodeEntry(key, value))),
    ...optionalText(field.record.uid, uid),
    ...optionalText(field.record.metadata, metadata),
    ...optionalText(field.record.configuration, configuration),
  ]);
}

/** Serialises records as frames, one after the other: the content of a `.pbr` file or of a response. */
export function encodeRecordFrames(records: Iterable<ProtobufRecord>): Buffer {
  return Buffer.concat(Array.from(records, (record) => encodeFrame(encodeRecord(record))));
}

/** Puts a payload into a frame: magic, length, payload, zeros up to a multiple of four bytes. */
export function encodeFrame(payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(8 + Math.ceil(payload.length / 4) * 4);
  frame.writeUInt32LE(frameMagic, 0);
  frame.writeUInt32LE(payload.length, 4);
  frame.set(payload, 8);
  return frame;
}

function encodeEntry(key: string, value: RecordValue): Buffer {
  return Buffer.concat([
    delimited(field.entry.key, Buffer.from(key)),
    delimited(
      field.entry.value,
      delimited(field.value[value.type], value.type === "bytes" ? encodeBlobs(value) : encodeTensor(value)),
    ),
  ]);
}

function encodeTensor({ type, values, keys, shape }: Tensor): Buffer {
  return Buffer.concat([
    delimited(field.tensor.values, packValues(type, values)),
    ...(keys === undefined ? [] : [delimited(field.tensor.keys, varints(keys))]),
    ...(shape === undefined ? [] : [delimited(field.tensor.shape, varints(shape))]),
  ]);
}

function packValues(type: Tensor["type"], values: ArrayLike<number>): Buffer {
  if (type === "int32") {
    // Negative numbers travel as 64-bit ones.
    return Buffer.concat(Array.from(values, (value) => varint(value < 0 ? 2n ** 64n + BigInt(value) : BigInt(value))));
  }
  const packed = type === "float32" ? Float32Array.from(values) : Float64Array.from(values);
  return Buffer.from(packed.buffer);
}

function encodeBlobs({ values, contentType }: Blobs): Buffer {
  return Buffer.concat([
    ...values.map((value) => delimited(field.bytes.value, value)),
    ...optionalText(field.bytes.contentType, contentType),
  ]);
}

function optionalText(number: number, text: string | undefined): Buffer[] {
  return text === undefined ? [] : [delimited(number, Buffer.from(text))];
}

function delimited(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([varint(BigInt(number * 8 + wire.delimited)), varint(BigInt(content.length)), content]);
}

function varints(values: ArrayLike<number>): Buffer {
  return Buffer.concat(Array.from(values, (value) => varint(BigInt(value))));
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}
