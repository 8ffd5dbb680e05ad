import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";

const codecs = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"];

/**
 * Decompresses a page.
 * @param codec - Parquet's number of the codec.
 * @throws RangeError or Error when the bytes are no such thing.
 */
export function decompress(codec: number, bytes: Buffer, size: number): Buffer {
  switch (codec) {
    case 0:
      return bytes;
    case 1:
      return unsnap(bytes, size);
    case 2:
      return gunzipSync(bytes, { maxOutputLength: Math.max(size, 1) });
    case 4:
      return brotliDecompressSync(bytes, { maxOutputLength: Math.max(size, 1) });
    case 6:
      return zstdDecompressSync(bytes, { maxOutputLength: Math.max(size, 1) });
    case 7:
      return unlz4(bytes, size);
    default:
      throw new RangeError(`codec ${codecs[codec] ?? codec} is not read here`);
  }
}

/** A raw Snappy block (format_description.txt): a length, then literals and copies of what was written before. */
function unsnap(bytes: Buffer, size: number): Buffer {
  let at = 0;
  while ((bytes[at] ?? 0) >= 128) at++;
  at++; // the length, which the page's head has told already
  const out = Buffer.allocUnsafe(size);
  let to = 0;
  while (at < bytes.length) {
    const tag = bytes[at++] as number;
    let length = tag >> 2;
    if ((tag & 3) === 0) {
      if (length >= 60) {
        const more = length - 59;
        length = bytes.readUIntLE(at, more);
        at += more;
      }
      length++;
      if (at + length > bytes.length || to + length > size) throw new RangeError("a literal goes past the end");
      bytes.copy(out, to, at, at + length);
      at += length;
      to += length;
      continue;
    }
    let offset: number;
    if ((tag & 3) === 1) {
      length = (length & 7) + 4;
      offset = ((tag >> 5) << 8) | (bytes[at++] as number);
    } else {
      length++;
      const width = (tag & 3) === 2 ? 2 : 4;
      offset = bytes.readUIntLE(at, width);
      at += width;
    }
    to = copyBack(out, to, offset, length);
  }
  if (to !== size) throw new RangeError(`${to} bytes came out where ${size} were promised`);
  return out;
}

/** A raw LZ4 block (lz4_Block_format.md). */
function unlz4(bytes: Buffer, size: number): Buffer {
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  let to = 0;
  const length = (nibble: number) => {
    let total = nibble;
    if (nibble === 15) {
      for (let more = 255; more === 255; total += more) more = bytes.readUInt8(at++);
    }
    return total;
  };
  while (at < bytes.length) {
    const token = bytes[at++] as number;
    const literals = length(token >> 4);
    if (at + literals > bytes.length || to + literals > size) throw new RangeError("a literal goes past the end");
    bytes.copy(out, to, at, at + literals);
    at += literals;
    to += literals;
    if (at >= bytes.length) break; // the last sequence has no copy
    const offset = bytes.readUInt16LE(at);
    at += 2;
    to = copyBack(out, to, offset, length(token & 15) + 4);
  }
  if (to !== size) throw new RangeError(`${to} bytes came out where ${size} were promised`);
  return out;
}

/** Byte by byte, since a copy may reach into itself. */
function copyBack(out: Buffer, to: number, offset: number, length: number): number {
  if (offset === 0 || offset > to || to + length > out.length)
    throw new RangeError("a copy reaches outside of the page");
  if (offset >= length) {
    out.copy(out, to, to - offset, to - offset + length);
    return to + length;
  }
  for (let i = 0; i < length; i++) out[to + i] = out[to + i - offset] as number;
  return to + length;
}
