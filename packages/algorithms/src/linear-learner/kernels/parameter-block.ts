import type { KernelPool } from "../../numerics/kernel-pool.ts";
import { chunkCount } from "../geometry.ts";
import type { LearnerPlan, LearnerState } from "../learner.ts";
import type { LinearKernels } from "./exports.ts";
import { floatParameters, PARAMETER_BYTES, parameterOffsets, TILE_ROWS } from "./layout.ts";

export type Pool = KernelPool<LinearKernels>;
type ParameterName = keyof typeof parameterOffsets;

/** A parameter block in the kernel's memory, and the arrays it points to. */
export class ParameterBlock {
  readonly address: number;
  /** Views of the kernel's memory: what training changes, changes here. */
  readonly state: LearnerState;
  /** f64 per chunk and lane. */
  readonly losses: Float64Array;
  readonly chunks: number;
  readonly #integers: Int32Array;
  readonly #floats: Float32Array;

  /**
   * @param cut - Chunks of a mini-batch, rows of a tile, and how many tiles; those of dense rows when absent.
   */
  constructor(
    pool: Pool,
    plan: LearnerPlan,
    start: LearnerState,
    cut = { chunks: chunkCount(plan.geometry, plan.batch), tileRows: TILE_ROWS, tiles: pool.threads },
  ) {
    const { geometry, optimizer, loss } = plan;
    const { lanes, weights } = geometry;
    this.address = pool.allocate(PARAMETER_BYTES);
    this.#integers = pool.integers(this.address, PARAMETER_BYTES / 4);
    this.#floats = pool.floats(this.address, PARAMETER_BYTES / 4);
    this.chunks = cut.chunks;
    const tileBytes = cut.tileRows * lanes * 4;
    const losses = pool.allocate(this.chunks * lanes * 8);
    this.losses = pool.doubles(losses, this.chunks * lanes);
    this.state = {
      weights: this.#place(pool, "weights", start.weights),
      first: this.#place(pool, "first", start.first),
      second: this.#place(pool, "second", start.second),
      columns: {
        lr: this.#place(pool, "lr", start.columns.lr),
        lrMinimum: this.#place(pool, "lrMinimum", start.columns.lrMinimum),
        lrFactor: this.#place(pool, "lrFactor", start.columns.lrFactor),
        lrStep: this.#placeIntegers(pool, "lrStep", start.columns.lrStep),
        lrCount: this.#placeIntegers(pool, "lrCount", start.columns.lrCount),
        l1: this.#place(pool, "l1", start.columns.l1),
        wd: this.#place(pool, "wd", start.columns.wd),
      },
      betaPowers: pool.doubles(this.address + parameterOffsets.betaPowers, 2),
    };
    this.state.betaPowers.set(start.betaPowers);
    this.#place(pool, "positiveWeights", loss.positiveWeights);
    this.#place(pool, "mask", paddingMask(loss.classes, loss.columnsPerModel));
    if (loss.classWeights !== undefined) this.#place(pool, "classWeights", loss.classWeights);
    this.set({
      batch: plan.batch,
      stride: geometry.stride,
      columns: geometry.columns,
      gradients: pool.allocate(this.chunks * weights * 4),
      gradientBytes: weights * 4,
      losses,
      chunks: this.chunks,
      tiles: pool.allocate(cut.tiles * tileBytes),
      tileBytes,
      loss: loss.kind,
      lossParameter: loss.parameter,
      columnsPerModel: geometry.columnsPerModel,
      optimizer: optimizer.kind,
      beta1: optimizer.beta1,
      beta2: optimizer.beta2,
      momentum: optimizer.momentum,
      epsilon: optimizer.epsilon,
      biasLrMult: optimizer.biasLrMult,
      biasWdMult: optimizer.biasWdMult,
      useBias: plan.useBias ? 1 : 0,
    });
  }

  /** Sets parameters; addresses are byte offsets in the kernel's memory. */
  set(values: Partial<Record<ParameterName, number>>): void {
    for (const [name, value] of Object.entries(values)) {
      const at = parameterOffsets[name as ParameterName] / 4;
      if ((floatParameters as readonly string[]).includes(name)) this.#floats[at] = value;
      else this.#integers[at] = value;
    }
  }

  /** Losses of the passes since the last call, per lane, added in chunk order. */
  takeLosses(): Float64Array {
    const lanes = this.losses.length / this.chunks;
    const sums = new Float64Array(lanes);
    this.losses.forEach((loss, at) => {
      sums[at % lanes] = (sums[at % lanes] as number) + loss;
    });
    this.losses.fill(0);
    return sums;
  }

  #place(pool: Pool, name: ParameterName, values: Float32Array): Float32Array {
    const at = pool.allocate(values.byteLength);
    const placed = pool.floats(at, values.length);
    placed.set(values);
    this.set({ [name]: at });
    return placed;
  }

  #placeIntegers(pool: Pool, name: ParameterName, values: Int32Array): Int32Array {
    const at = pool.allocate(values.byteLength);
    const placed = pool.integers(at, values.length);
    placed.set(values);
    this.set({ [name]: at });
    return placed;
  }
}

/** 0 for a class, a score that no softmax notices for a padding column. */
export function paddingMask(classes: number, columnsPerModel: number): Float32Array {
  return Float32Array.from({ length: Math.max(4, columnsPerModel) }, (_, k) => (k < classes ? 0 : -1e30));
}
