import type { LossKind } from "./losses.ts";
import { lossAt, slopeAt } from "./losses.ts";

/**
 * Plain twins of kernels/linear-learner.as.ts: what the WASM kernels are compared with, and what runs where WASM is
 * missing. Shapes: x (rows, stride), w (stride + 1, columns) with the biases last, s and g (rows, columns).
 */

/** to[i, j] = (from[i, j] - shift[j]) * scale[j]; places from `width` to `stride` become 0. */
export function stage(
  from: Float32Array,
  to: Float32Array,
  rows: number,
  scaling: { readonly shift: Float32Array; readonly scale: Float32Array },
  stride: number,
): void {
  const width = scaling.shift.length;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < width; j++) {
      const centred = (from[i * width + j] as number) - (scaling.shift[j] as number);
      to[i * stride + j] = Math.fround(centred) * (scaling.scale[j] as number);
    }
    to.fill(0, i * stride + width, (i + 1) * stride);
  }
}

/** s = x w + bias. */
export function scores(
  x: Float32Array,
  w: Float32Array,
  s: Float32Array,
  rows: number,
  stride: number,
  columns: number,
): void {
  const sums = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < columns; c++) sums[c] = w[stride * columns + c] as number;
    for (let j = 0; j < stride; j++) {
      const v = x[i * stride + j] as number;
      for (let c = 0; c < columns; c++) sums[c] = (sums[c] as number) + v * (w[j * columns + c] as number);
    }
    s.set(sums, i * columns);
  }
}

/** grad += [x 1]^T g. */
export function gradient(
  x: Float32Array,
  g: Float32Array,
  grad: Float32Array,
  rows: number,
  stride: number,
  columns: number,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= stride; j++) {
      const v = j === stride ? 1 : (x[i * stride + j] as number);
      for (let c = 0; c < columns; c++) {
        const at = j * columns + c;
        grad[at] = (grad[at] as number) + v * (g[i * columns + c] as number);
      }
    }
  }
}

/** What the loss of a tile depends on besides scores and labels. */
export interface LossSetting {
  readonly kind: LossKind;
  /** Epsilon, quantile, delta or margin. */
  readonly parameter: number;
  readonly classes: number;
  readonly columnsPerModel: number;
  /** Weight of positive rows per column; all 1 unless the labels are binary. */
  readonly positiveWeights: Float32Array;
  /** Weight of each class, for softmax. */
  readonly classWeights: Float32Array | undefined;
}

/**
 * Turns scores into derivatives of the loss in place and adds each column's loss to `losses` (a softmax model's to its
 * first column). Losses with binary labels weigh positive rows by `positiveWeights`.
 */
export function loss(
  setting: LossSetting,
  s: Float32Array,
  y: Float32Array,
  rows: number,
  columns: number,
  losses: Float64Array,
): void {
  if (setting.kind === 8) {
    softmaxLoss(setting, s, y, rows, columns, losses);
    return;
  }
  const isWeighted = setting.kind >= 6;
  for (let i = 0; i < rows; i++) {
    const label = y[i] as number;
    for (let c = 0; c < columns; c++) {
      const at = i * columns + c;
      const score = s[at] as number;
      const weight = isWeighted && label > 0.5 ? (setting.positiveWeights[c] as number) : 1;
      losses[c] = (losses[c] as number) + weight * lossAt(setting.kind, score, label, setting.parameter);
      s[at] = weight * slopeAt(setting.kind, score, label, setting.parameter);
    }
  }
}

function softmaxLoss(
  setting: LossSetting,
  s: Float32Array,
  y: Float32Array,
  rows: number,
  columns: number,
  losses: Float64Array,
): void {
  const { classes, columnsPerModel, classWeights } = setting;
  for (let i = 0; i < rows; i++) {
    const label = y[i] as number;
    const weight = classWeights === undefined ? 1 : (classWeights[label] as number);
    for (let c = 0; c + columnsPerModel <= columns; c += columnsPerModel) {
      const own = s.subarray(i * columns + c, i * columns + c + columnsPerModel);
      const top = own.subarray(0, classes).reduce((a, b) => Math.max(a, b), -Infinity);
      const mine = own[label] as number;
      let total = 0;
      for (let k = 0; k < classes; k++) total += Math.exp((own[k] as number) - top);
      for (let k = 0; k < classes; k++) own[k] = (weight * Math.exp((own[k] as number) - top)) / total;
      own.fill(0, classes);
      own[label] = (own[label] as number) - weight;
      losses[c] = (losses[c] as number) + weight * (top - mine + Math.log(total));
    }
  }
}

/** Optimiser settings shared by all models. */
export interface OptimizerSetting {
  readonly kind: 0 | 1 | 2;
  readonly beta1: number;
  readonly beta2: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly biasLrMult: number;
  readonly biasWdMult: number;
}

/** Per-column settings and schedule state; arrays have `lanes` places. */
export interface ColumnState {
  readonly lr: Float32Array;
  readonly lrMinimum: Float32Array;
  readonly lrFactor: Float32Array;
  /** Updates between decays; 0 where there is no schedule. */
  readonly lrStep: Int32Array;
  readonly lrCount: Int32Array;
  readonly l1: Float32Array;
  readonly wd: Float32Array;
}

/** One tick of the schedule: after every `lrStep` updates lr falls by its factor, never below its minimum. */
export function tick(state: ColumnState): void {
  for (let c = 0; c < state.lr.length; c++) {
    const every = state.lrStep[c] as number;
    if (every <= 0) continue;
    const seen = (state.lrCount[c] as number) + 1;
    if (seen <= every) {
      state.lrCount[c] = seen;
      continue;
    }
    state.lrCount[c] = 1;
    const lr = state.lr[c] as number;
    const low = state.lrMinimum[c] as number;
    if (lr > low) state.lr[c] = Math.max(lr * (state.lrFactor[c] as number), low);
  }
}

/** One weight's step. @returns The new weight; moments are updated in place. */
export function stepWeight(
  optimizer: OptimizerSetting,
  weight: number,
  gradientValue: number,
  at: number,
  moments: { readonly first: Float32Array; readonly second: Float32Array },
  rate: { readonly lr: number; readonly correction: number; readonly shrink: number },
): number {
  const { first, second } = moments;
  const g = gradientValue;
  let next: number;
  if (optimizer.kind === 0) {
    const m = optimizer.beta1 * (first[at] as number) + (1 - optimizer.beta1) * g;
    const v = optimizer.beta2 * (second[at] as number) + (1 - optimizer.beta2) * g * g;
    first[at] = m;
    second[at] = v;
    next = weight - (rate.lr * rate.correction * m) / (Math.sqrt(v) + optimizer.epsilon);
  } else if (optimizer.kind === 1) {
    const m = optimizer.momentum * (first[at] as number) - rate.lr * g;
    first[at] = m;
    next = weight + m;
  } else {
    const v = optimizer.beta2 * (second[at] as number) + (1 - optimizer.beta2) * g * g;
    second[at] = v;
    next = weight - (rate.lr * g) / Math.sqrt(v + optimizer.epsilon);
  }
  if (!(rate.shrink > 0)) return next;
  return Math.sign(next) * Math.max(Math.abs(next) - rate.shrink, 0);
}
