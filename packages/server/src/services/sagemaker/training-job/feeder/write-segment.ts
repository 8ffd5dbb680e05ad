import { createReadStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { BlockWriter } from "./block-writer.ts";
import { type FeedChannel, FeedError, type FeedSegment } from "./feed-plan.ts";

/** First word of every RecordIO record. */
const recordMagic = 0xced7230a;
/** A record's length has 29 bits. */
const maxRecordBytes = 2 ** 29 - 1;
/** A compressed object that becomes a record is unpacked in memory up to this size, and a second time past it. */
const heldBytes = 4 * 1024 * 1024;
const readBytes = 256 * 1024;

/**
 * Writes one segment in the channel's form.
 * @throws FeedError naming the object that cannot be written.
 */
export async function writeSegment(writer: BlockWriter, segment: FeedSegment, form: FeedChannel): Promise<void> {
  if ("text" in segment) {
    const bytes = Buffer.from(segment.text);
    return form.recordIo
      ? writeRecord(writer, bytes.length, "a manifest's value", () => writer.append(bytes))
      : writer.append(bytes);
  }
  const { file, sizeBytes, uri } = segment;
  if (!form.gzip) {
    const whole = () => writer.appendFile(file, sizeBytes);
    return form.recordIo ? writeRecord(writer, sizeBytes, uri, whole) : whole();
  }
  if (form.recordIo) return writeUnpackedRecord(writer, file, uri);
  for await (const bytes of unpacked(file, uri)) await writer.append(bytes);
}

/** A record: magic, length, payload, zeros up to a multiple of four. */
async function writeRecord(
  writer: BlockWriter,
  length: number,
  what: string,
  payload: () => Promise<void>,
): Promise<void> {
  if (length > maxRecordBytes) {
    throw new FeedError(`${what} has ${length} bytes, and a RecordIO record holds at most ${maxRecordBytes}.`);
  }
  const head = Buffer.alloc(8);
  head.writeUInt32LE(recordMagic, 0);
  head.writeUInt32LE(length, 4);
  await writer.append(head);
  await payload();
  await writer.append(Buffer.alloc((4 - (length % 4)) % 4));
}

/** The length stands before the bytes, so what is too large to hold is unpacked once to be measured. */
async function writeUnpackedRecord(writer: BlockWriter, file: string, uri: string): Promise<void> {
  let length = 0;
  let held: Buffer[] | undefined = [];
  for await (const bytes of unpacked(file, uri)) {
    length += bytes.length;
    if (length > heldBytes) held = undefined;
    held?.push(bytes);
    if (length > maxRecordBytes) break; // refused below
  }
  await writeRecord(writer, length, `${uri}, unpacked,`, async () => {
    for await (const bytes of held ?? unpacked(file, uri)) await writer.append(bytes);
  });
}

/** @throws FeedError when the object is no gzip file, or is damaged or cut off. */
async function* unpacked(file: string, uri: string): AsyncGenerator<Buffer> {
  const source = createReadStream(file, { highWaterMark: readBytes });
  // The callback's error is the one that the iteration below throws.
  const bytes: Readable = pipeline(source, createGunzip({ chunkSize: readBytes }), () => undefined);
  try {
    for await (const chunk of bytes) yield chunk as Buffer;
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (!code.startsWith("Z_")) throw error;
    throw new FeedError(`${uri} is not a gzip file that can be unpacked: ${message}.`);
  } finally {
    source.destroy(); // when the reader of the stream closed early
  }
}
