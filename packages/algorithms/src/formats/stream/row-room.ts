/** Shared memory for the rows of one block. */
export class RowRoom {
  #buffer: SharedArrayBuffer | undefined;
  #at = 0;

  /** @param slot - Memory to use where the rows fit into it; undefined for memory of exactly their size. */
  constructor(slot?: SharedArrayBuffer) {
    this.#buffer = slot;
  }

  /** Says how much memory all arrays will take together; before the first of them. */
  reserve(bytes: number): void {
    const padded = bytes + 64; // each of the arrays begins at a multiple of 8
    if (this.#buffer === undefined || this.#buffer.byteLength < padded) this.#buffer = new SharedArrayBuffer(padded);
    this.#at = 0;
  }

  floats(length: number): Float32Array {
    return new Float32Array(this.#memory, this.#take(length * 4), length);
  }

  doubles(length: number): Float64Array {
    return new Float64Array(this.#memory, this.#take(length * 8), length);
  }

  integers(length: number): Uint32Array {
    return new Uint32Array(this.#memory, this.#take(length * 4), length);
  }

  get #memory(): SharedArrayBuffer {
    if (this.#buffer === undefined) throw new Error("memory must be reserved before it is used");
    return this.#buffer;
  }

  #take(bytes: number): number {
    const at = this.#at;
    this.#at = Math.ceil((at + bytes) / 8) * 8;
    return at;
  }
}
