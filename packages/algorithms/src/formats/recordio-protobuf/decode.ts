import { type Blobs, field, type ProtobufRecord, type RecordValue, type Tensor, wire } from "./record.ts";
import { MalformedMessage, WireReader } from "./wire-reader.ts";

/**
 * Reads one serialised Record. Unknown fields are passed over, and of a repeated map key the last value counts, as the
 * format demands.
 * @throws MalformedMessage
 */
export function decodeRecord(bytes: Uint8Array, at = 0, end = bytes.length): ProtobufRecord {
  const reader = new WireReader(bytes, at, end);
  const features = new Map<string, RecordValue>();
  const label = new Map<string, RecordValue>();
  const texts: { uid?: string; metadata?: string; configuration?: string } = {};
  while (reader.next()) {
    if (reader.field === field.record.features) readEntry(reader.delimited(), features);
    else if (reader.field === field.record.label) readEntry(reader.delimited(), label);
    else if (reader.field === field.record.uid) texts.uid = reader.text();
    else if (reader.field === field.record.metadata) texts.metadata = reader.text();
    else if (reader.field === field.record.configuration) texts.configuration = reader.text();
    else reader.skip();
  }
  return { features, label, ...texts };
}

function readEntry(reader: WireReader, into: Map<string, RecordValue>): void {
  let key = "";
  let value: RecordValue | undefined;
  while (reader.next()) {
    if (reader.field === field.entry.key) key = reader.text();
    else if (reader.field === field.entry.value) value = readValue(reader.delimited());
    else reader.skip();
  }
  if (value !== undefined) into.set(key, value);
}

function readValue(reader: WireReader): RecordValue | undefined {
  let value: RecordValue | undefined;
  while (reader.next()) {
    if (reader.field === field.value.float32) value = readTensor(reader.delimited(), "float32");
    else if (reader.field === field.value.float64) value = readTensor(reader.delimited(), "float64");
    else if (reader.field === field.value.int32) value = readTensor(reader.delimited(), "int32");
    else if (reader.field === field.value.bytes) value = readBlobs(reader.delimited());
    else reader.skip();
  }
  return value;
}

function readTensor(reader: WireReader, type: Tensor["type"]): Tensor {
  let values: ArrayLike<number> | undefined;
  let keys: number[] | undefined;
  let shape: number[] | undefined;
  while (reader.next()) {
    if (reader.field === field.tensor.values) values = readValues(reader, type, values);
    else if (reader.field === field.tensor.keys) keys = readVarints(reader, keys ?? []);
    else if (reader.field === field.tensor.shape) shape = readVarints(reader, shape ?? []);
    else reader.skip();
  }
  return {
    type,
    values: values ?? [],
    // An empty list and none are the same on the wire.
    ...(keys === undefined || keys.length === 0 ? {} : { keys }),
    ...(shape === undefined || shape.length === 0 ? {} : { shape }),
  };
}

/** Reads values in packed or unpacked form; a message may hold several pieces of either. */
function readValues(
  reader: WireReader,
  type: Tensor["type"],
  before: ArrayLike<number> | undefined,
): ArrayLike<number> {
  const isPacked = reader.wireType === wire.delimited;
  if (!isPacked && reader.wireType !== { float32: wire.fixed32, float64: wire.fixed64, int32: wire.varint }[type]) {
    throw new MalformedMessage(`${type} values in wire type ${reader.wireType}`);
  }
  const piece = isPacked ? readPacked(reader.delimited(), type) : readSingle(reader, type);
  return before === undefined ? piece : [...Array.from(before), ...Array.from(piece)];
}

function readPacked(range: WireReader, type: Tensor["type"]): ArrayLike<number> {
  if (type === "int32") {
    const values: number[] = [];
    while (range.at < range.end) values.push(range.int32());
    return values;
  }
  const size = type === "float32" ? 4 : 8;
  const bytes = range.end - range.at;
  if (bytes % size !== 0) throw new MalformedMessage(`${bytes} bytes are no whole number of ${type} values`);
  const { buffer } = copyOf(range);
  return type === "float32" ? new Float32Array(buffer) : new Float64Array(buffer);
}

function readSingle(reader: WireReader, type: Tensor["type"]): number[] {
  if (type === "int32") return [reader.int32()];
  const view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset);
  const { at } = reader;
  reader.advance(type === "float32" ? 4 : 8);
  return [type === "float32" ? view.getFloat32(at, true) : view.getFloat64(at, true)];
}

function readVarints(reader: WireReader, into: number[]): number[] {
  if (reader.wireType === wire.varint) into.push(reader.varint());
  else for (const range = reader.delimited(); range.at < range.end; ) into.push(range.varint());
  return into;
}

function readBlobs(reader: WireReader): Blobs {
  const values: Uint8Array[] = [];
  let contentType: string | undefined;
  while (reader.next()) {
    if (reader.field === field.bytes.value) {
      values.push(copyOf(reader.delimited()));
    } else if (reader.field === field.bytes.contentType) contentType = reader.text();
    else reader.skip();
  }
  return { type: "bytes", values, ...(contentType === undefined ? {} : { contentType }) };
}

/**
 * The bytes of a message lie at any address, where typed arrays want multiples of their size, and only until the next
 * frame is read. (`slice` would not do: a Buffer's is a view.)
 */
function copyOf({ bytes, at, end }: WireReader): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(end - at);
  copy.set(bytes.subarray(at, end));
  return copy;
}
