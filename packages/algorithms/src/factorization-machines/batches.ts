import { checkFinite } from "../formats/check-finite.ts";
import type { RowBlock } from "../formats/stream/row-block.ts";
import { CustomerError } from "../job/errors.ts";
import type { FactorizationHyperparameters } from "./hyperparameters.ts";
import type { BatchArea, Learner } from "./learner.ts";
import { stageRows } from "./stage-rows.ts";

/** The rows of a channel, a mini-batch at a time, in the learner's area. */
export class Batches {
  readonly #learner: Learner;
  readonly #size: number;
  readonly #predictorType: FactorizationHyperparameters["predictor_type"];

  constructor(learner: Learner, given: FactorizationHyperparameters) {
    this.#learner = learner;
    this.#size = given.mini_batch_size;
    this.#predictorType = given.predictor_type;
  }

  get area(): BatchArea {
    return this.#learner.area;
  }

  /**
   * Yields the number of rows that the area holds now.
   * @param channel - Its name, for messages.
   * @throws CustomerError naming the first row with a label that is none, or a value that is missing or not finite.
   */
  async *of(blocks: AsyncIterable<RowBlock>, channel: string): AsyncGenerator<number> {
    let filled = 0;
    for await (const block of blocks) {
      const { features, labels, firstRow } = block;
      for (let first = 0; first < features.count; ) {
        const count = Math.min(this.#size - filled, features.count - first);
        const isFinite = stageRows(features, { first, count }, this.#learner, filled);
        if (!isFinite) checkFinite(features, channel, firstRow);
        this.area.labels.set(labels.subarray(first, first + count), filled);
        this.#checkLabels(filled, count, { channel, row: firstRow + first });
        first += count;
        filled += count;
        if (filled < this.#size) continue;
        yield filled;
        filled = 0;
      }
    }
    if (filled > 0) yield filled;
  }

  #checkLabels(
    from: number,
    count: number,
    { channel, row }: { readonly channel: string; readonly row: number },
  ): void {
    const { labels } = this.area;
    const isNumber = this.#predictorType === "regressor";
    for (let i = 0; i < count; i++) {
      const label = labels[from + i] as number;
      if (isNumber ? Number.isFinite(label) : label === 0 || label === 1) continue;
      const expected = isNumber ? "a finite number" : "0 or 1";
      throw new CustomerError(
        `Label of row ${row + i + 1} of the ${channel} channel is ${label}; predictor_type ${this.#predictorType} expects ${expected}.`,
      );
    }
  }
}
