/** An object is not what its SplitType says. The message is for the object's owner. */
export class SplitError extends Error {
  override readonly name = "SplitError";
}

/** How records lie one after the other in an object: one for each SplitType. */
export interface Framing {
  /** What one record is called, for messages: `line`. */
  readonly unit: string;
  /**
   * Where the record ends that begins at `at`.
   * @returns The offset behind it, or -1 when its end has not come yet.
   * @throws SplitError when no record begins there.
   */
  endOf(bytes: Buffer, at: number): number;
  /**
   * The largest offset up to `limit` at which a record ends, records beginning at 0.
   * @returns 0 when the first record is longer.
   * @throws SplitError
   */
  lastEnd(bytes: Buffer, limit: number): number;
  /** What a request of its own has of a record: without frame and padding. `undefined` for what is no record (a blank line). */
  content(record: Buffer): Buffer | undefined;
  /** Whether what the object ends with, without the mark of an end, is a record all the same. */
  readonly endsByItself: boolean;
}

/** Finds the last end by going from record to record. */
export function walkToLastEnd(framing: Pick<Framing, "endOf">, bytes: Buffer, limit: number): number {
  let last = 0;
  for (;;) {
    const end = framing.endOf(bytes, last);
    if (end < 0 || end > limit) return last;
    last = end;
    if (last === bytes.length) return last;
  }
}
