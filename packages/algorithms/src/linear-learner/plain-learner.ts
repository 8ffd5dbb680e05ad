import { chunkCount } from "./geometry.ts";
import { inBlocks, untilStopped } from "./in-blocks.ts";
import type { Learner, LearnerPlan, LearnerState, ScoreVisitor } from "./learner.ts";
import { blockRows, meanLosses } from "./learner.ts";
import { gradient, loss, scores, stage, stepWeight, tick } from "./plain-kernels.ts";
import type { Split } from "./split.ts";
import { copyDense } from "./take-rows.ts";

const TILE = 64;

/** Trains on dense rows in plain TypeScript: the twin of the WASM learner, and its stand-in where WASM is missing. */
export class PlainLearner implements Learner {
  readonly state: LearnerState;
  readonly #plan: LearnerPlan;
  readonly #train: Split;
  readonly #rows: Float32Array;
  readonly #labels: Float32Array;
  /** A raw row. */
  readonly #row: Float32Array;
  readonly #chunks: number;
  readonly #grads: Float32Array[];
  readonly #tile: Float32Array;

  constructor(plan: LearnerPlan, train: Split, state: LearnerState) {
    this.#plan = plan;
    this.#train = train;
    this.state = state;
    const { geometry, batch } = plan;
    this.#chunks = chunkCount(geometry, batch);
    this.#grads = Array.from({ length: this.#chunks }, () => new Float32Array(geometry.weights));
    this.#tile = new Float32Array(TILE * geometry.columns);
    this.#rows = new Float32Array(blockRows(geometry, batch) * geometry.stride);
    this.#labels = new Float32Array(blockRows(geometry, batch));
    this.#row = new Float32Array(geometry.features);
  }

  async trainEpoch(signal: AbortSignal): Promise<Float64Array> {
    const { geometry, batch } = this.#plan;
    const losses = new Float64Array(geometry.lanes);
    let seen = 0;
    for await (const { rows } of untilStopped(this.#blocks(this.#train), signal)) {
      for (let start = 0; start < rows; start += batch) this.#trainBatch(start, Math.min(batch, rows - start), losses);
      seen += rows;
      await nextTurn();
    }
    if (seen === 0) throw signal.reason;
    return meanLosses(geometry, losses, seen);
  }

  async evaluate(split: Split, visit?: ScoreVisitor): Promise<Float64Array> {
    const { geometry, loss: setting } = this.#plan;
    const { columns, stride } = geometry;
    const losses = new Float64Array(geometry.lanes);
    for await (const { first, rows } of this.#blocks(split)) {
      const out = new Float32Array(rows * columns);
      scores(this.#rows, this.state.weights, out, rows, stride, columns);
      visit?.(out, this.#labels.subarray(0, rows), first, rows);
      loss(setting, out, this.#labels, rows, columns, losses);
      await nextTurn();
    }
    return meanLosses(geometry, losses, split.count);
  }

  close(): void {}

  #trainBatch(start: number, rows: number, losses: Float64Array): void {
    const { geometry, loss: setting } = this.#plan;
    const { columns, stride } = geometry;
    tick(this.state.columns);
    const chunkRows = Math.ceil(Math.ceil(rows / this.#chunks) / 4) * 4;
    this.#grads.forEach((grad, chunk) => {
      grad.fill(0);
      const end = Math.min((chunk + 1) * chunkRows, rows);
      for (let i = chunk * chunkRows; i < end; i += TILE) {
        const count = Math.min(TILE, end - i);
        const x = this.#rows.subarray((start + i) * stride);
        scores(x, this.state.weights, this.#tile, count, stride, columns);
        loss(setting, this.#tile, this.#labels.subarray(start + i), count, columns, losses);
        gradient(x, this.#tile, grad, count, stride, columns);
      }
    });
    updateDense(this.#plan, this.state, this.#grads, rows);
  }

  #blocks(split: Split): AsyncGenerator<{ first: number; rows: number }> {
    const { geometry, batch, scaling } = this.#plan;
    const { stride } = geometry;
    return inBlocks(split, blockRows(geometry, batch), ({ features, labels }, { first, count, at }) => {
      this.#labels.set(labels.subarray(first, first + count), at);
      for (let i = 0; i < count; i++) {
        copyDense(features, first + i, 1, this.#row);
        stage(this.#row, this.#rows.subarray((at + i) * stride), 1, scaling, stride);
      }
    });
  }
}

/** One update of every weight from the chunks' gradients of a mini-batch of `rows` rows. */
export function updateDense(
  plan: LearnerPlan,
  state: LearnerState,
  grads: readonly Float32Array[],
  rows: number,
): void {
  const { geometry, optimizer, useBias } = plan;
  const { columns, stride } = geometry;
  const correction = advance(plan, state);
  for (let j = 0; j < stride + (useBias ? 1 : 0); j++) {
    const isBias = j === stride;
    const rateOf = columnRate(plan, state, isBias, correction);
    for (let c = 0; c < columns; c++) {
      const at = j * columns + c;
      let sum = 0;
      for (const grad of grads) sum += grad[at] as number;
      const weight = state.weights[at] as number;
      const decay = (state.columns.wd[c] as number) * (isBias ? optimizer.biasWdMult : 1);
      state.weights[at] = stepWeight(optimizer, weight, sum / rows + decay * weight, at, state, rateOf(c));
    }
  }
}

/** Moves adam's bias correction one update on. @returns The correction's factor on the rate. */
export function advance(plan: LearnerPlan, state: LearnerState): number {
  const { betaPowers } = state;
  betaPowers[0] = (betaPowers[0] as number) * plan.optimizer.beta1;
  betaPowers[1] = (betaPowers[1] as number) * plan.optimizer.beta2;
  return Math.sqrt(1 - (betaPowers[1] as number)) / (1 - (betaPowers[0] as number));
}

/** Rates of a column for weights of one kind: biases have a multiplier and no l1 penalty. */
export function columnRate(plan: LearnerPlan, state: LearnerState, isBias: boolean, correction: number) {
  const mult = isBias ? plan.optimizer.biasLrMult : 1;
  return (column: number) => {
    const lr = (state.columns.lr[column] as number) * mult;
    return { lr, correction, shrink: isBias ? 0 : lr * (state.columns.l1[column] as number) };
  };
}

/** Lets signals and timers be handled. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
