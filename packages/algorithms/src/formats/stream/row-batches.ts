import type { Channel } from "../../job/channels.ts";
import { checkFinite } from "../check-finite.ts";
import type { RowBlock } from "./row-block.ts";
import { meanOf, stageRows } from "./stage-rows.ts";

/** Where the rows of a mini-batch go. */
interface BatchArea {
  /** Shape (capacity, stride), row-major; columns from the width on are left alone. */
  readonly values: Float32Array;
  /** Floats from one row to the next. */
  readonly stride: number;
  /** Features of a row. */
  readonly width: number;
  /** Most rows of a mini-batch. */
  readonly capacity: number;
}

/** The rows of a channel, a mini-batch at a time, in memory of whoever computes with them. */
export class RowBatches {
  readonly #area: BatchArea;
  /** What was taken from every row. */
  #origin: Float64Array | undefined;
  #squares = 0;

  /** @param origin - What to take from every row; absent, the mean of the first mini-batch. */
  constructor(area: BatchArea, origin?: Float64Array) {
    this.#area = area;
    this.#origin = origin;
  }

  /** What was taken from every row. */
  get origin(): Float64Array {
    if (this.#origin === undefined) throw new Error("there was no row yet");
    return this.#origin;
  }

  /** Sum of squares of the rows of the last mini-batch, less the origin. */
  get squares(): number {
    return this.#squares;
  }

  /**
   * Yields the number of rows that the area holds now.
   * @param sizeOf - Rows of the n-th mini-batch, up to the capacity.
   * @throws CustomerError naming the first value that is missing or not finite.
   */
  async *of(blocks: AsyncIterable<RowBlock>, channel: Channel, sizeOf: (batch: number) => number) {
    const { values, stride, width, capacity } = this.#area;
    const nothing = new Float64Array(width);
    let squares = 0;
    let batch = 0;
    let filled = 0;
    for await (const { features, firstRow } of blocks) {
      for (let first = 0; first < features.count; ) {
        const size = Math.min(sizeOf(batch), capacity);
        const count = Math.min(size - filled, features.count - first);
        const target = { values, stride, at: filled };
        const staged = stageRows(features, { first, count }, target, this.#origin ?? nothing);
        if (!Number.isFinite(staged)) checkFinite(features, channel.name, firstRow);
        squares += staged;
        first += count;
        filled += count;
        if (filled < size) continue;
        this.#settle(filled, squares);
        yield filled;
        filled = 0;
        squares = 0;
        batch++;
      }
    }
    if (filled === 0) return;
    this.#settle(filled, squares);
    yield filled;
  }

  /** The origin is the mean of the first mini-batch, which depends on rows alone and not on the blocks they came in. */
  #settle(rows: number, squares: number): void {
    this.#squares = squares;
    if (this.#origin !== undefined) return;
    const { values, stride, width } = this.#area;
    const origin = meanOf({ count: rows, width, values }, stride);
    this.#squares = 0;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < width; j++) {
        const at = i * stride + j;
        const value = (values[at] as number) - (origin[j] as number);
        values[at] = value;
        this.#squares += value * value;
      }
    }
    this.#origin = origin;
  }
}
