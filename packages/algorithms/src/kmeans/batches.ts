import { checkFinite } from "../formats/check-finite.ts";
import type { RowBlock } from "../formats/stream/row-block.ts";
import type { Channel } from "../job/channels.ts";
import type { Assigner, RowArea } from "./assigner.ts";
import { meanOf, stageRows } from "./stage-rows.ts";

/** The rows of a channel, a mini-batch at a time, in the form that an assigner takes. */
export class Batches {
  readonly area: RowArea;
  readonly #width: number;
  readonly #stride: number;
  readonly #capacity: number;
  /** What was taken from every row, so that centres are this far from where they are. */
  #origin: Float64Array | undefined;

  /**
   * @param width - Features of a row.
   * @param capacity - Most rows of a mini-batch.
   * @param origin - What to take from every row; absent, the mean of the first mini-batch.
   */
  constructor(assigner: Assigner, width: number, capacity: number, origin?: Float64Array) {
    this.#width = width;
    this.#stride = assigner.stride;
    this.#capacity = capacity;
    this.#origin = origin;
    this.area = assigner.area(capacity);
  }

  /** What was taken from every row. */
  get origin(): Float64Array {
    if (this.#origin === undefined) throw new Error("there was no row yet");
    return this.#origin;
  }

  /**
   * Yields the number of rows that `area` holds now.
   * @param sizeOf - Rows of the n-th mini-batch, up to the capacity.
   * @throws CustomerError naming the first value that is missing or not finite.
   */
  async *of(blocks: AsyncIterable<RowBlock>, channel: Channel, sizeOf: (batch: number) => number) {
    const nothing = new Float64Array(this.#width);
    let batch = 0;
    let filled = 0;
    for await (const { features, firstRow } of blocks) {
      for (let first = 0; first < features.count; ) {
        const size = Math.min(sizeOf(batch), this.#capacity);
        const count = Math.min(size - filled, features.count - first);
        const target = { values: this.area.values, stride: this.#stride, at: filled };
        const isFinite = stageRows(features, { first, count }, target, this.#origin ?? nothing);
        if (!isFinite) checkFinite(features, channel.name, firstRow);
        first += count;
        filled += count;
        if (filled < size) continue;
        this.#settleOrigin(filled);
        yield filled;
        filled = 0;
        batch++;
      }
    }
    if (filled === 0) return;
    this.#settleOrigin(filled);
    yield filled;
  }

  /** The mean of the first mini-batch, which depends on rows alone and not on the blocks that they came in. */
  #settleOrigin(rows: number): void {
    if (this.#origin !== undefined) return;
    const { values } = this.area;
    const origin = meanOf({ count: rows, width: this.#width, values }, this.#stride);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < this.#width; j++) {
        const at = i * this.#stride + j;
        values[at] = (values[at] as number) - (origin[j] as number);
      }
    }
    this.#origin = origin;
  }
}
