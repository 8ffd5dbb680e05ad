import { type Framing, SplitError } from "./framing.ts";

/** How much of an object is taken at once. */
export interface Portion {
  /** A portion has as many records as fit into so many bytes, and at least one. */
  readonly targetBytes: number;
  /** A record that is longer is refused. At least `targetBytes`. */
  readonly maxRecordBytes: number;
}

/**
 * Cuts a stream of bytes between records. No more than one portion, one record and one piece of the source is in memory.
 * @returns Portions of whole records, in order; together they are all bytes of the source.
 * @throws SplitError for a record that is too long, no record, or cut short.
 */
export async function* wholeRecords(
  source: AsyncIterable<Buffer>,
  framing: Framing,
  { targetBytes, maxRecordBytes }: Portion,
): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let size = 0;
  /** Looked for no earlier than this: a long record is not searched again for each piece of it. */
  let want = targetBytes;
  const join = (): Buffer => (pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, size));
  for await (const piece of source) {
    pieces.push(piece);
    size += piece.length;
    while (size > want) {
      const all = join();
      const cut = framing.lastEnd(all, targetBytes) || oneRecord(framing, all);
      if (cut === 0 && size > maxRecordBytes) throw tooLong(framing, maxRecordBytes);
      if (cut > maxRecordBytes) throw tooLong(framing, maxRecordBytes);
      pieces = [all];
      if (cut === 0) {
        want = Math.min(2 * want, maxRecordBytes);
        if (size > want) continue;
        break;
      }
      yield all.subarray(0, cut);
      pieces = cut < all.length ? [all.subarray(cut)] : [];
      size -= cut;
      want = targetBytes;
    }
  }
  yield* theRest(join(), framing, { targetBytes, maxRecordBytes });
}

function* theRest(rest: Buffer, framing: Framing, { targetBytes, maxRecordBytes }: Portion): Generator<Buffer> {
  let at = 0;
  while (at < rest.length) {
    const left = rest.subarray(at);
    let cut = framing.lastEnd(left, targetBytes) || oneRecord(framing, left);
    if (cut === 0) {
      if (!framing.endsByItself) throw new SplitError(`the last ${framing.unit} is cut short`);
      cut = left.length;
    } else if (framing.endsByItself && left.length <= targetBytes) cut = left.length;
    if (cut > maxRecordBytes) throw tooLong(framing, maxRecordBytes);
    yield left.subarray(0, cut);
    at += cut;
  }
}

/** The first record where it is longer than a portion and all there; 0 when it is not. */
function oneRecord(framing: Framing, bytes: Buffer): number {
  return Math.max(0, framing.endOf(bytes, 0));
}

function tooLong(framing: Framing, maxRecordBytes: number): SplitError {
  return new SplitError(`a ${framing.unit} is larger than ${maxRecordBytes} bytes, which MaxPayloadInMB allows`);
}

/** The records of a portion, one after the other. */
export function* recordsIn(portion: Buffer, framing: Framing): Generator<Buffer> {
  for (let at = 0; at < portion.length; ) {
    const found = framing.endOf(portion, at);
    const end = found < 0 ? portion.length : found;
    yield portion.subarray(at, end);
    at = end;
  }
}
