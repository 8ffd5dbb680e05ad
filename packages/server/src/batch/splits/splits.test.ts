import { Readable } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { streamSource } from "../../objects/bytes/byte-source.ts";
import { crc32c } from "../../objects/checksums/crc.ts";
import { type Framing, SplitError } from "./framing.ts";
import { lines } from "./lines.ts";
import { PortionMemory, portions } from "./portions.ts";
import { recordIo } from "./record-io.ts";
import { tfRecord } from "./tf-record.ts";
import { recordsIn, wholeRecords } from "./whole-records.ts";

const magic = Buffer.from("0a23d7ce", "hex");

/** As MXNet writes it: content that holds the magic number, where four bytes begin, is cut there. */
function recordIoOf(content: Buffer): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = 0; at + 4 <= content.length; at += 4) {
    if (content.readUInt32LE(at) !== 0xced7230a) continue;
    parts.push(content.subarray(from, at));
    from = at + 4;
  }
  parts.push(content.subarray(from));
  const last = parts.length - 1;
  return Buffer.concat(
    parts.map((part, i) => {
      const kind = last === 0 ? 0 : i === 0 ? 1 : i === last ? 3 : 2;
      const head = Buffer.alloc(8);
      magic.copy(head);
      head.writeUInt32LE(((kind << 29) | part.length) >>> 0, 4);
      return Buffer.concat([head, part, Buffer.alloc((4 - (part.length % 4)) % 4)]);
    }),
  );
}

function tfRecordOf(content: Buffer): Buffer {
  const masked = (bytes: Buffer): Buffer => {
    const crc = crc32c(bytes);
    const out = Buffer.alloc(4);
    out.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
    return out;
  };
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(content.length));
  return Buffer.concat([length, masked(length), content, masked(content)]);
}

const contentOf = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
      fc.constant(magic),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Buffer.concat(parts));
const textOf = fc.stringMatching(/^[a-z,]{0,20}$/).map((text) => Buffer.from(text));
const kinds: readonly [string, Framing, fc.Arbitrary<Buffer>, (content: Buffer) => Buffer][] = [
  ["Line", lines, textOf, (content) => Buffer.concat([content, Buffer.from("\n")])],
  ["RecordIO", recordIo, contentOf, recordIoOf],
  ["TFRecord", tfRecord, contentOf, tfRecordOf],
];

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(source: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const each of source) found.push(Buffer.from(each));
  return found;
}

test.for(kinds)(
  "%s: portions are whole records, in order, and as large as they may be",
  async ([, framing, content, frame]) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(content, { maxLength: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 120 }),
        async (contents, pieceBytes, targetBytes) => {
          const records = contents.map(frame);
          const bytes = Buffer.concat(records);
          const found = await all(
            wholeRecords(pieces(bytes, pieceBytes), framing, { targetBytes, maxRecordBytes: 1_000 }),
          );
          expect(Buffer.concat(found)).toEqual(bytes);
          expect(found.flatMap((portion) => [...recordsIn(portion, framing)])).toEqual(records);
          for (const [i, portion] of found.entries()) {
            const [first] = recordsIn(portion, framing);
            expect(portion.length <= targetBytes || portion.length === first?.length).toBe(true);
            const [next] = i + 1 < found.length ? recordsIn(found[i + 1] as Buffer, framing) : [];
            if (next) expect(portion.length + next.length).toBeGreaterThan(targetBytes);
          }
        },
      ),
    );
  },
);

test.for(kinds)(
  "%s: portions in memory that is used again are the same, or refused for the same reason",
  async ([, framing, content, frame]) => {
    const told = async (portionsOf: AsyncIterable<Buffer>): Promise<string> => {
      const found: string[] = [];
      try {
        for await (const portion of portionsOf) found.push(portion.toString("hex"));
      } catch (error) {
        if (!(error instanceof SplitError)) throw error;
        found.push(error.message);
      }
      return found.join("\n");
    };
    const shape = fc.record({
      contents: fc.array(content, { maxLength: 12 }),
      pieceBytes: fc.integer({ min: 1, max: 40 }),
      limit: fc.integer({ min: 1, max: 120 }),
      cut: fc.nat(20),
      isSizeKnown: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ contents, pieceBytes, limit, cut, isSizeKnown }) => {
        const whole = Buffer.concat(contents.map(frame));
        const bytes = whole.subarray(0, Math.max(0, whole.length - cut));
        const memories = new PortionMemory(1);
        const source = streamSource(Readable.from(pieces(bytes, pieceBytes)), isSizeKnown ? bytes.length : undefined);
        async function* reused(): AsyncGenerator<Buffer> {
          for await (const portion of portions(source, framing, limit, memories)) {
            yield portion.bytes;
            portion.memory.fill(0xff);
            memories.give(portion.memory);
          }
        }
        const plain = wholeRecords(pieces(bytes, pieceBytes), framing, { targetBytes: limit, maxRecordBytes: limit });
        expect(await told(reused())).toBe(await told(plain));
      }),
    );
  },
);

test.for(kinds.slice(1))(
  "%s: the frame comes off, and what is inside is what went in",
  ([, framing, content, frame]) => {
    fc.assert(
      fc.property(content, (given) => {
        expect(framing.content(frame(given))).toEqual(given);
      }),
    );
  },
);

test.for(kinds.slice(1))("%s: an object that ends in a record is cut short", async ([, framing, , frame]) => {
  const record = frame(Buffer.from("content"));
  for (const cut of [record.length - 1, record.length + 1, record.length + 9]) {
    const bytes = Buffer.concat([record, record]).subarray(0, cut);
    await expect(all(wholeRecords(pieces(bytes, 5), framing, { targetBytes: 64, maxRecordBytes: 64 }))).rejects.toThrow(
      "the last record is cut short",
    );
  }
});

test.for(kinds)("%s: a record that is too large is refused, however it comes", async ([, framing, , frame]) => {
  const bytes = Buffer.concat([
    frame(Buffer.alloc(4, "a")),
    frame(Buffer.alloc(200, "a")),
    frame(Buffer.alloc(4, "a")),
  ]);
  for (const size of [1, 7, 64, 1_000]) {
    for (const targetBytes of [8, 100]) {
      const portions = wholeRecords(pieces(bytes, size), framing, { targetBytes, maxRecordBytes: 100 });
      await expect(all(portions)).rejects.toThrow(/is larger than 100 bytes, which MaxPayloadInMB allows/);
    }
  }
});

test("the last line needs no end, and blank lines are no records", async () => {
  const found = await all(
    wholeRecords(pieces(Buffer.from("a\n\r\n\nb"), 2), lines, { targetBytes: 64, maxRecordBytes: 64 }),
  );
  expect(found.map(String)).toEqual(["a\n\r\n\nb"]);
  const contents = [...recordsIn(found[0] as Buffer, lines)].map((record) => lines.content(record)?.toString());
  expect(contents).toEqual(["a\n", undefined, undefined, "b"]);
});

test.for([
  [recordIo, "expected a RecordIO frame (0a 23 d7 ce), got 31 2c 32 0a"],
  [tfRecord, "expected a TFRecord, but the checksum of its length does not hold"],
] as const)("text is not taken for records", async ([framing, message]) => {
  const text = Buffer.from("1,2\n".repeat(20));
  await expect(all(wholeRecords(pieces(text, 9), framing, { targetBytes: 64, maxRecordBytes: 64 }))).rejects.toThrow(
    message,
  );
});
