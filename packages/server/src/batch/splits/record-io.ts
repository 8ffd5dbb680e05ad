import { type Framing, SplitError, walkToLastEnd } from "./framing.ts";

/** MXNet's RecordIO: `0xced7230a`, three bits of what part it is and 29 of its length, content, padding to four bytes. */
const magic = 0xced7230a;
const headBytes = 8;
const lengthBits = 29;
const parts = { whole: 0, first: 1, middle: 2, last: 3 } as const;

interface Frame {
  readonly part: number;
  /** Where the content begins and ends. */
  readonly from: number;
  readonly to: number;
  /** Behind the padding. */
  readonly end: number;
}

/** SplitType `RecordIO`. A record whose content holds the magic number is written in parts, between which it stood. */
export const recordIo: Framing = {
  unit: "record",
  endsByItself: false,
  endOf,
  lastEnd: (bytes, limit) => walkToLastEnd({ endOf }, bytes, limit),
  content(record) {
    const contents: Buffer[] = [];
    for (let at = 0; at < record.length; ) {
      const frame = frameAt(record, at) as Frame;
      if (contents.length > 0) contents.push(record.subarray(at, at + 4));
      contents.push(record.subarray(frame.from, frame.to));
      at = frame.end;
    }
    return contents.length === 1 ? contents[0] : Buffer.concat(contents);
  },
};

function endOf(bytes: Buffer, at: number): number {
  let frame = frameAt(bytes, at);
  if (frame === undefined) return -1;
  if (frame.part === parts.whole) return frame.end;
  if (frame.part !== parts.first) throw new SplitError("a RecordIO record begins with a later part of it");
  for (;;) {
    const next: Frame | undefined = frame.end <= bytes.length ? frameAt(bytes, frame.end) : undefined;
    if (next === undefined) return -1;
    if (next.part === parts.last) return next.end;
    if (next.part !== parts.middle) throw new SplitError("a RecordIO record in parts is not continued");
    frame = next;
  }
}

/** @returns `undefined` while the frame is not all there. */
function frameAt(bytes: Buffer, at: number): Frame | undefined {
  const known = Math.min(4, bytes.length - at);
  for (let i = 0; i < known; i++) {
    if (bytes[at + i] === ((magic >>> (8 * i)) & 0xff)) continue;
    throw new SplitError(
      `expected a RecordIO frame (0a 23 d7 ce), got ${bytes
        .subarray(at, at + 4)
        .toString("hex")
        .replace(/..(?!$)/g, "$& ")}`,
    );
  }
  if (bytes.length - at < headBytes) return undefined;
  const word = bytes.readUInt32LE(at + 4);
  const length = word & (2 ** lengthBits - 1);
  const from = at + headBytes;
  const end = from + ((length + 3) & ~3);
  return end > bytes.length ? undefined : { part: word >>> lengthBits, from, to: from + length, end };
}
