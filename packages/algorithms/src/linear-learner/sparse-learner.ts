import type { SparseRows } from "../formats/rows.ts";
import { inBlocks, untilStopped } from "./in-blocks.ts";
import type { Learner, LearnerPlan, LearnerState, ScoreVisitor } from "./learner.ts";
import { blockRows, meanLosses } from "./learner.ts";
import { loss, stepWeight, tick } from "./plain-kernels.ts";
import { advance, columnRate, nextTurn } from "./plain-learner.ts";
import { SparseCollector } from "./sparse-collector.ts";
import type { Split } from "./split.ts";

/** Rows that lie behind each other. */
interface SparseBlock {
  readonly x: SparseRows;
  readonly labels: Float32Array;
  /** Row of `x` and `labels` to begin at. */
  readonly at: number;
  readonly rows: number;
  /** Row of the split. */
  readonly first: number;
}

/**
 * Trains on sparse rows. An update touches the weights of features that occur in the mini-batch and no others, moments
 * and penalties included ("lazy" updates, as MXNet's row-sparse optimisers): its cost follows the entries, not the
 * width.
 */
export class SparseLearner implements Learner {
  readonly state: LearnerState;
  readonly #plan: LearnerPlan;
  readonly #train: Split;
  readonly #grad: Float32Array;
  /** Mini-batch that last touched a feature. */
  readonly #stamps: Int32Array;
  readonly #scores: Float32Array;
  #batchNumber = 0;

  constructor(plan: LearnerPlan, train: Split, state: LearnerState) {
    this.#plan = plan;
    this.#train = train;
    this.state = state;
    const { geometry, batch } = plan;
    this.#grad = new Float32Array(geometry.weights);
    this.#stamps = new Int32Array(geometry.stride);
    this.#scores = new Float32Array(Math.max(batch, 1024) * geometry.columns);
  }

  async trainEpoch(signal: AbortSignal): Promise<Float64Array> {
    const { geometry, batch } = this.#plan;
    const losses = new Float64Array(geometry.lanes);
    const pause = blockRows(geometry, batch);
    let seen = 0;
    for await (const block of untilStopped(blocksOf(this.#train, batch), signal)) {
      this.#trainBatch(block, losses);
      if (seen % pause === 0) await nextTurn();
      seen += block.rows;
    }
    if (seen === 0) throw signal.reason;
    return meanLosses(geometry, losses, seen);
  }

  async evaluate(split: Split, visit?: ScoreVisitor): Promise<Float64Array> {
    const { geometry, loss: setting } = this.#plan;
    const losses = new Float64Array(geometry.lanes);
    const size = this.#scores.length / geometry.columns;
    for await (const { x, labels, at, rows, first } of blocksOf(split, size)) {
      this.#score(x, at, rows);
      visit?.(this.#scores.subarray(0, rows * geometry.columns), labels.subarray(at, at + rows), first, rows);
      loss(setting, this.#scores, labels.subarray(at), rows, geometry.columns, losses);
      await nextTurn();
    }
    return meanLosses(geometry, losses, split.count);
  }

  close(): void {}

  #score(x: SparseRows, first: number, rows: number): void {
    const { columns, stride } = this.#plan.geometry;
    const { scale } = this.#plan.scaling;
    const { weights } = this.state;
    const out = this.#scores;
    for (let i = 0; i < rows; i++) {
      const base = i * columns;
      for (let c = 0; c < columns; c++) out[base + c] = weights[stride * columns + c] as number;
      const end = x.offsets[first + i + 1] as number;
      for (let e = x.offsets[first + i] as number; e < end; e++) {
        const j = x.columns[e] as number;
        const v = (x.values[e] as number) * (scale[j] as number);
        const row = j * columns;
        for (let c = 0; c < columns; c++) out[base + c] = (out[base + c] as number) + v * (weights[row + c] as number);
      }
    }
  }

  #trainBatch({ x, labels, at, rows }: SparseBlock, losses: Float64Array): void {
    const { geometry, loss: setting } = this.#plan;
    this.#batchNumber++;
    tick(this.state.columns);
    this.#score(x, at, rows);
    loss(setting, this.#scores, labels.subarray(at), rows, geometry.columns, losses);
    this.#update(this.#gather(x, at, rows), rows);
  }

  /** Adds the rows' gradients up. @returns The features that occur, in the order of their first occurrence. */
  #gather(x: SparseRows, first: number, rows: number): number[] {
    const { columns, stride } = this.#plan.geometry;
    const { scale } = this.#plan.scaling;
    const grad = this.#grad;
    const slopes = this.#scores;
    const touched: number[] = [];
    grad.fill(0, stride * columns);
    for (let i = 0; i < rows; i++) {
      const base = i * columns;
      for (let c = 0; c < columns; c++) {
        const at = stride * columns + c;
        grad[at] = (grad[at] as number) + (slopes[base + c] as number);
      }
      const end = x.offsets[first + i + 1] as number;
      for (let e = x.offsets[first + i] as number; e < end; e++) {
        const j = x.columns[e] as number;
        const row = j * columns;
        if (this.#stamps[j] !== this.#batchNumber) {
          this.#stamps[j] = this.#batchNumber;
          touched.push(j);
          grad.fill(0, row, row + columns);
        }
        const v = (x.values[e] as number) * (scale[j] as number);
        for (let c = 0; c < columns; c++) grad[row + c] = (grad[row + c] as number) + v * (slopes[base + c] as number);
      }
    }
    return touched;
  }

  #update(touched: readonly number[], rows: number): void {
    const { geometry, optimizer, useBias } = this.#plan;
    const { columns, stride } = geometry;
    const { state } = this;
    const correction = advance(this.#plan, state);
    const ofWeights = columnRate(this.#plan, state, false, correction);
    const ofBias = columnRate(this.#plan, state, true, correction);
    const updateRow = (row: number, isBias: boolean) => {
      for (let c = 0; c < columns; c++) {
        const at = row * columns + c;
        const weight = state.weights[at] as number;
        const decay = (state.columns.wd[c] as number) * (isBias ? optimizer.biasWdMult : 1);
        const slope = (this.#grad[at] as number) / rows + decay * weight;
        state.weights[at] = stepWeight(optimizer, weight, slope, at, state, isBias ? ofBias(c) : ofWeights(c));
      }
    };
    for (const feature of touched) updateRow(feature, false);
    if (useBias) updateRow(stride, true);
  }
}

/** A pass over a split in blocks of `size` rows, in place where they are in memory. */
async function* blocksOf(split: Split, size: number): AsyncGenerator<SparseBlock> {
  const { inMemory, width } = split;
  if (inMemory?.features.kind === "sparse") {
    const { features: x, labels } = inMemory;
    for (let first = 0; first < x.count; first += size)
      yield { x, labels, at: first, rows: Math.min(size, x.count - first), first };
    return;
  }
  const collector = new SparseCollector();
  const labels = new Float32Array(size);
  const blocks = inBlocks(split, size, (piece, { first, count, at }) => {
    collector.add(piece.features, first, count, at);
    labels.set(piece.labels.subarray(first, first + count), at);
  });
  for await (const { first, rows } of blocks) yield { x: collector.of(rows, width), labels, at: 0, rows, first };
}
