import type { ByteSource } from "../objects/bytes/byte-source.ts";
import { RecordFault } from "./records/record-fault.ts";
import { type Framing, SplitError } from "./splits/framing.ts";
import { lines } from "./splits/lines.ts";
import { type PortionMemory, portions } from "./splits/portions.ts";
import { recordIo } from "./splits/record-io.ts";
import { tfRecord } from "./splits/tf-record.ts";
import { recordsIn, wholeRecords } from "./splits/whole-records.ts";
import type { TransformSettings } from "./transform-settings.ts";

/** One request's body, and what of the object is in it. */
export interface Payload {
  readonly body: Buffer;
  /** Where the body lies, if that memory is to be used again. */
  readonly memory?: Buffer;
  /** Number of its first record in the object, from 1; 0 where records were not counted. */
  readonly first: number;
  /** Texts of its records, where answers are joined to them. */
  readonly records: readonly string[];
  /** Whether it is for exactly one record, so that the whole answer is that record's. */
  readonly isSingle: boolean;
}

const megabyte = 1024 ** 2;
/** Where records are taken one by one, so much of an object is looked at at once. */
const portionBytes = megabyte;
/** Otherwise it is read in pieces of this size. */
const pieceBytes = 512 * 1024;
/** With MaxPayloadInMB 0, single records have to fit into memory all the same. */
const unlimitedRecordBytes = 512 * megabyte;
/** Frames and line ends of a record, which do not count. */
const frameBytes = 64;

const framings = { Line: lines, RecordIO: recordIo, TFRecord: tfRecord } as const;

/** How many bytes a body may have. */
export function payloadLimit({ maxPayloadInMB }: Pick<TransformSettings, "maxPayloadInMB">): number {
  return maxPayloadInMB === 0 ? unlimitedRecordBytes : maxPayloadInMB * megabyte;
}

/**
 * The request bodies that an object becomes, in order.
 * @throws SplitError, RecordFault
 */
export async function* payloads(
  source: ByteSource,
  settings: TransformSettings,
  memories: PortionMemory,
): AsyncGenerator<Payload> {
  const { splitType, strategy, processing } = settings;
  if (splitType === "None") return yield* wholeObject(piecesOf(source), settings);
  const framing = framings[splitType];
  if (processing.readsRecords) return yield* processedRecords(piecesOf(source), settings);
  if (strategy === "SingleRecord") return yield* singleRecords(piecesOf(source), framing, settings);
  for await (const { bytes, memory } of portions(source, framing, payloadLimit(settings), memories)) {
    yield { body: bytes, memory, first: 0, records: [], isSingle: false };
  }
}

/** A source piece by piece, each in memory of its own. */
async function* piecesOf(source: ByteSource): AsyncGenerator<Buffer> {
  for (;;) {
    const piece = Buffer.allocUnsafeSlow(Math.min(source.sizeBytes ?? pieceBytes, pieceBytes) + 1);
    const count = await source.read(piece);
    if (count === 0) return;
    yield piece.subarray(0, count);
  }
}

async function* wholeObject(source: AsyncIterable<Buffer>, settings: TransformSettings): AsyncGenerator<Payload> {
  const { processing } = settings;
  const limit = payloadLimit(settings);
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of source) {
    size += piece.length;
    if (size > limit)
      throw new SplitError(`it is larger than ${limit} bytes, which MaxPayloadInMB allows (SplitType None)`);
    pieces.push(piece);
  }
  const whole = Buffer.concat(pieces, size);
  if (!processing.readsRecords) {
    yield { body: whole, first: 1, records: [], isSingle: true };
    return;
  }
  const text = processing.textOf(whole);
  yield {
    body: processing.inputBytes(processing.request(text, 1)),
    first: 1,
    records: processing.joins ? [text] : [],
    isSingle: true,
  };
}

async function* singleRecords(
  source: AsyncIterable<Buffer>,
  framing: Framing,
  settings: TransformSettings,
): AsyncGenerator<Payload> {
  let number = 0;
  for await (const record of everyRecord(source, framing, payloadLimit(settings))) {
    number += 1;
    const body = framing.content(record);
    if (body !== undefined) yield { body, first: number, records: [], isSingle: true };
  }
}

/** Lines, filtered one by one and put together again to bodies of one or of as many as fit. */
async function* processedRecords(source: AsyncIterable<Buffer>, settings: TransformSettings): AsyncGenerator<Payload> {
  const { processing, strategy } = settings;
  const limit = payloadLimit(settings);
  const batch = new Batch(settings);
  let number = 0;
  for await (const record of everyRecord(source, lines, limit)) {
    number += 1;
    // Blank lines are no records, but they count: errors name lines as an editor shows them.
    if (lines.content(record) === undefined) continue;
    const text = processing.textOf(record);
    const request = processing.inputBytes(`${processing.request(text, number)}\n`);
    if (request.length > limit)
      throw new RecordFault(number, `it is larger than ${limit} bytes, which MaxPayloadInMB allows`);
    if (batch.bytes + request.length > limit && batch.size > 0) yield batch.take();
    batch.add(request, text, number);
    if (strategy === "SingleRecord") yield batch.take();
  }
  if (batch.size > 0) yield batch.take();
}

/** Filtered records that are not sent yet. */
class Batch {
  bytes = 0;
  readonly #settings: TransformSettings;
  #requests: Buffer[] = [];
  #records: string[] = [];
  #first = 0;

  constructor(settings: TransformSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#requests.length;
  }

  add(request: Buffer, text: string, number: number): void {
    if (this.size === 0) this.#first = number;
    this.#requests.push(request);
    this.bytes += request.length;
    if (this.#settings.processing.joins) this.#records.push(text);
  }

  take(): Payload {
    const payload: Payload = {
      body: this.size === 1 ? (this.#requests[0] as Buffer) : Buffer.concat(this.#requests, this.bytes),
      first: this.#first,
      records: this.#records,
      isSingle: this.#settings.strategy === "SingleRecord",
    };
    [this.#requests, this.#records, this.bytes] = [[], [], 0];
    return payload;
  }
}

async function* everyRecord(source: AsyncIterable<Buffer>, framing: Framing, limit: number): AsyncGenerator<Buffer> {
  const maxRecordBytes = limit + frameBytes;
  const targetBytes = Math.min(portionBytes, maxRecordBytes);
  let number = 0;
  try {
    for await (const portion of wholeRecords(source, framing, { targetBytes, maxRecordBytes })) {
      for (const record of recordsIn(portion, framing)) {
        number += 1;
        yield record;
      }
    }
  } catch (error) {
    if (!(error instanceof SplitError)) throw error;
    throw new SplitError(`behind ${framing.unit} ${number}: ${error.message}`, { cause: error });
  }
}
