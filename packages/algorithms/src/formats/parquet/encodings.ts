import { type ParquetColumn, ParquetFault, physical } from "./file-metadata.ts";

/** Parquet's numbers of encodings. */
export const encoding = {
  plain: 0,
  plainDictionary: 2,
  rle: 3,
  deltaBinary: 5,
  rleDictionary: 8,
  byteStreamSplit: 9,
} as const;

/** Reads plain values of a column. */
export function readPlain(bytes: Buffer, column: ParquetColumn, count: number): Float32Array | Float64Array {
  const { type, divisor, unsigned, name } = column;
  const width = type === physical.boolean ? 1 / 8 : type === physical.int32 || type === physical.float ? 4 : 8;
  if (bytes.length < count * width) throw new ParquetFault(`column '${name}' has fewer values than it says`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = type === physical.float ? new Float32Array(count) : new Float64Array(count);
  switch (type) {
    case physical.boolean:
      for (let i = 0; i < count; i++) values[i] = ((bytes[i >> 3] as number) >> (i & 7)) & 1;
      break;
    case physical.int32:
      for (let i = 0; i < count; i++) {
        values[i] = (unsigned ? view.getUint32(i * 4, true) : view.getInt32(i * 4, true)) / divisor;
      }
      break;
    case physical.int64:
      for (let i = 0; i < count; i++) {
        // Exact up to 2^53, and then rounded: a float has 24 bits in any case.
        const high = unsigned ? view.getUint32(i * 8 + 4, true) : view.getInt32(i * 8 + 4, true);
        values[i] = (high * 2 ** 32 + view.getUint32(i * 8, true)) / divisor;
      }
      break;
    case physical.float:
      for (let i = 0; i < count; i++) values[i] = view.getFloat32(i * 4, true);
      break;
    case physical.double:
      for (let i = 0; i < count; i++) values[i] = view.getFloat64(i * 8, true);
      break;
    default:
      throw new ParquetFault(`column '${name}' has values of type ${type}, which is not read here`);
  }
  return values;
}

/** Reads values whose first bytes lie together, then their second ones, and so on. */
export function readByteStreamSplit(bytes: Buffer, column: ParquetColumn, count: number): Float32Array | Float64Array {
  const width = column.type === physical.int32 || column.type === physical.float ? 4 : 8;
  const joined = Buffer.allocUnsafe(count * width);
  for (let part = 0; part < width; part++) {
    for (let i = 0; i < count; i++) joined[i * width + part] = bytes[part * count + i] as number;
  }
  return readPlain(joined, column, count);
}

/** Reads the hybrid of runs and of packed bits. @returns The values, and where they ended. */
export function readRuns(
  bytes: Buffer,
  begin: number,
  bits: number,
  count: number,
): { values: Uint32Array; end: number } {
  const values = new Uint32Array(count);
  const bytesOfValue = Math.ceil(bits / 8);
  let at = begin;
  for (let done = 0; done < count; ) {
    let head = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes.readUInt8(at++);
      head += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    if (head % 2 === 0) {
      const value = bytesOfValue === 0 ? 0 : bytes.readUIntLE(at, bytesOfValue);
      at += bytesOfValue;
      const run = Math.min(Math.floor(head / 2), count - done);
      if (run === 0) throw new RangeError("a run is empty");
      values.fill(value, done, done + run);
      done += run;
      continue;
    }
    const length = ((head - 1) / 2) * 8;
    const some = Math.min(length, count - done);
    unpackBits(bytes, at, bits, values.subarray(done, done + some));
    at += (length * bits) / 8;
    done += some;
  }
  return { values, end: at };
}

function unpackBits(bytes: Buffer, begin: number, bits: number, into: Uint32Array): void {
  if (bits === 0) return;
  let at = begin;
  let held = 0; // never more than 39 bits, which a double holds exactly
  let holds = 0;
  const limit = 2 ** bits;
  for (let i = 0; i < into.length; i++) {
    while (holds < bits) {
      held += bytes.readUInt8(at++) * 2 ** holds;
      holds += 8;
    }
    into[i] = held % limit;
    held = Math.floor(held / limit);
    holds -= bits;
  }
}

/** Reads whole numbers that are kept as differences (DELTA_BINARY_PACKED). */
export function readDeltas(bytes: Buffer, { divisor }: ParquetColumn, count: number): Float64Array {
  const cursor = { at: 0 };
  const blockSize = Number(varint(bytes, cursor));
  const parts = Number(varint(bytes, cursor));
  const total = Number(varint(bytes, cursor));
  let value = zigzag(varint(bytes, cursor));
  const partSize = blockSize / parts;
  const values = new Float64Array(count);
  const wanted = Math.min(total, count);
  if (wanted > 0) values[0] = Number(value) / divisor;
  for (let done = 1; done < wanted; ) {
    const least = zigzag(varint(bytes, cursor));
    const widths = bytes.subarray(cursor.at, cursor.at + parts);
    cursor.at += parts;
    for (let part = 0; part < parts && done < wanted; part++) {
      const bits = BigInt(widths[part] as number);
      let held = 0n;
      let holds = 0n;
      const begin = cursor.at;
      for (let i = 0; i < partSize; i++) {
        while (holds < bits) {
          held |= BigInt(bytes.readUInt8(cursor.at++)) << holds;
          holds += 8n;
        }
        const delta = held & ((1n << bits) - 1n);
        held >>= bits;
        holds -= bits;
        if (done >= wanted) continue;
        value = BigInt.asIntN(64, value + least + delta);
        values[done++] = Number(value) / divisor;
      }
      cursor.at = begin + (partSize * Number(bits)) / 8;
    }
  }
  return values;
}

function varint(bytes: Buffer, cursor: { at: number }): bigint {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes.readUInt8(cursor.at++);
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return value;
  }
}

function zigzag(value: bigint): bigint {
  return (value >> 1n) ^ -(value & 1n);
}
