import type { ByteSource } from "../../objects/bytes/byte-source.ts";
import { type Framing, SplitError } from "./framing.ts";

/** Whole records, in memory that can be used again once they were sent. */
export interface Portion {
  readonly bytes: Buffer;
  /** Where they lie: for `PortionMemory.give`. */
  readonly memory: Buffer;
}

/**
 * Memory for portions, used again and again: what is allocated and freed for each would have the garbage collector look
 * through the whole heap every few portions, since it counts bytes outside of it too.
 */
export class PortionMemory {
  readonly #most: number;
  readonly #free: Buffer[] = [];

  /** @param most - How many pieces wait for their next use. */
  constructor(most: number) {
    this.#most = most;
  }

  /** A piece of at least so many bytes, with anything in it. */
  take(sizeBytes: number): Buffer {
    const at = this.#free.findIndex(({ length }) => length >= sizeBytes);
    return at < 0 ? Buffer.allocUnsafeSlow(sizeBytes) : (this.#free.splice(at, 1)[0] as Buffer);
  }

  /** Gives a piece back: nobody may look at it any more. */
  give(memory: Buffer): void {
    this.#free.push(memory);
    if (this.#free.length > this.#most) this.#free.shift();
  }
}

/**
 * Cuts a source between records: each portion has as many as fit into `limitBytes`.
 * @throws SplitError for a record that is larger, no record, or cut short.
 */
export async function* portions(
  source: ByteSource,
  framing: Framing,
  limitBytes: number,
  memories: PortionMemory,
): AsyncGenerator<Portion> {
  // One byte more than fits says that there is another portion.
  const wanted = Math.min(limitBytes, source.sizeBytes ?? limitBytes) + 1;
  let memory = memories.take(wanted);
  let size = 0;
  for (;;) {
    size += await fill(source, memory.subarray(size, wanted));
    const bytes = memory.subarray(0, size);
    if (size <= limitBytes) return yield* lastPortion(bytes, memory, framing);
    const cut = framing.lastEnd(bytes, limitBytes);
    if (cut === 0) {
      throw new SplitError(`a ${framing.unit} is larger than ${limitBytes} bytes, which MaxPayloadInMB allows`);
    }
    const next = memories.take(wanted);
    size = bytes.copy(next, 0, cut);
    yield { bytes: bytes.subarray(0, cut), memory };
    memory = next;
  }
}

function* lastPortion(bytes: Buffer, memory: Buffer, framing: Framing): Generator<Portion> {
  if (bytes.length === 0) return;
  const cut = framing.endsByItself ? bytes.length : framing.lastEnd(bytes, bytes.length);
  if (cut > 0) yield { bytes: bytes.subarray(0, cut), memory };
  if (cut < bytes.length) throw new SplitError(`the last ${framing.unit} is cut short`);
}

/** Reads until there is no room or nothing left. @returns How many bytes. */
async function fill(source: ByteSource, room: Buffer): Promise<number> {
  let size = 0;
  while (size < room.length) {
    const count = await source.read(room.subarray(size));
    if (count === 0) break;
    size += count;
  }
  return size;
}
