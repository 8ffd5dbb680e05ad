import { crc32c } from "../../objects/checksums/crc.ts";
import { type Framing, SplitError, walkToLastEnd } from "./framing.ts";

/** TensorFlow's TFRecord: length (8 bytes), its masked CRC-32C, content, the content's masked CRC-32C; little-endian. */
const headBytes = 12;
const tailBytes = 4;

/** SplitType `TFRecord`. Lengths are checked against their checksum, so that other files are told from TFRecords. */
export const tfRecord: Framing = {
  unit: "record",
  endsByItself: false,
  endOf,
  lastEnd: (bytes, limit) => walkToLastEnd({ endOf }, bytes, limit),
  content(record) {
    const content = record.subarray(headBytes, record.length - tailBytes);
    if (record.readUInt32LE(record.length - tailBytes) === masked(crc32c(content))) return content;
    throw new SplitError("the checksum of a TFRecord's content does not hold");
  },
};

function endOf(bytes: Buffer, at: number): number {
  if (bytes.length - at < headBytes) return -1;
  const length = bytes.subarray(at, at + 8);
  if (bytes.readUInt32LE(at + 8) !== masked(crc32c(length))) {
    throw new SplitError("expected a TFRecord, but the checksum of its length does not hold");
  }
  const end = at + headBytes + Number(length.readBigUInt64LE()) + tailBytes;
  return end > bytes.length ? -1 : end;
}

/** Checksums are stored rotated and shifted, since a CRC of data that holds CRCs is weak. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
