import type { Table } from "../formats/rows.ts";
import type { Settings } from "./settings.ts";

/** Scaled value = (value - shift) * scale, per feature and for the label. */
export interface Scaling {
  readonly shift: Float32Array;
  readonly scale: Float32Array;
  readonly labelShift: number;
  /** Standard deviation that labels are divided by. */
  readonly labelDeviation: number;
}

/**
 * Estimates means and deviations on the first `num_point_for_scaler` rows. A feature that never changes there keeps its
 * scale. Missing entries of sparse rows count as zeros.
 */
export function estimateScaling(table: Table, settings: Settings): Scaling {
  const { features, labels } = table;
  const rows = Math.min(features.count, settings.given.num_point_for_scaler);
  const moments = features.kind === "dense" ? denseMoments(features, rows) : sparseMoments(features, rows);
  const unbias = settings.unbiasData ?? features.kind === "dense";
  const shift = new Float32Array(features.width);
  const scale = new Float32Array(features.width).fill(1);
  for (let j = 0; j < features.width; j++) {
    const mean = moments.means[j] as number;
    const deviation = Math.sqrt(moments.variances[j] as number);
    if (unbias) shift[j] = mean;
    // Rounding noise of a constant must not be blown up to a feature.
    if (settings.normalizeData && deviation > 1e-6 * Math.abs(mean)) scale[j] = 1 / deviation;
  }
  const label = labelMoments(labels, rows);
  return {
    shift,
    scale,
    labelShift: settings.unbiasLabel ? label.mean : 0,
    labelDeviation: settings.normalizeLabel && label.deviation > 0 ? label.deviation : 1,
  };
}

interface Moments {
  readonly means: Float64Array;
  readonly variances: Float64Array;
}

/** Two passes over at most `num_point_for_scaler` rows, so that large means do not cancel. */
function denseMoments(x: { width: number; values: Float32Array }, rows: number): Moments {
  const { width, values } = x;
  const means = new Float64Array(width);
  const variances = new Float64Array(width);
  for (let i = 0, at = 0; i < rows; i++)
    for (let j = 0; j < width; j++, at++) means[j] = (means[j] as number) + (values[at] as number);
  for (let j = 0; j < width; j++) means[j] = (means[j] as number) / rows;
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < width; j++, at++) {
      const r = (values[at] as number) - (means[j] as number);
      variances[j] = (variances[j] as number) + r * r;
    }
  }
  for (let j = 0; j < width; j++) variances[j] = (variances[j] as number) / rows;
  return { means, variances };
}

function sparseMoments(
  x: { width: number; offsets: Float64Array; columns: Uint32Array; values: Float32Array },
  rows: number,
): Moments {
  const means = new Float64Array(x.width);
  const variances = new Float64Array(x.width);
  const counts = new Float64Array(x.width);
  const entries = x.offsets[rows] as number;
  for (let e = 0; e < entries; e++) {
    const j = x.columns[e] as number;
    means[j] = (means[j] as number) + (x.values[e] as number);
    counts[j] = (counts[j] as number) + 1;
  }
  for (let j = 0; j < x.width; j++) means[j] = (means[j] as number) / rows;
  for (let e = 0; e < entries; e++) {
    const j = x.columns[e] as number;
    const r = (x.values[e] as number) - (means[j] as number);
    variances[j] = (variances[j] as number) + r * r;
  }
  for (let j = 0; j < x.width; j++) {
    const mean = means[j] as number;
    variances[j] = ((variances[j] as number) + (rows - (counts[j] as number)) * mean * mean) / rows;
  }
  return { means, variances };
}

function labelMoments(labels: Float32Array, rows: number): { mean: number; deviation: number } {
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += labels[i] as number;
  const mean = sum / rows;
  let squares = 0;
  for (let i = 0; i < rows; i++) squares += ((labels[i] as number) - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / rows) };
}

/** A linear model over raw features: score_k = x . weights[k] + bias[k]. */
export interface LinearModel {
  readonly features: number;
  readonly outputs: number;
  /** Shape (outputs, features), row-major. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/**
 * Folds scaling into weights that were learned on scaled features and labels, so that prediction takes raw features.
 * @param weights - Shape (features + 1, outputs), the biases last.
 */
export function foldScaling(weights: Float64Array, outputs: number, scaling: Scaling): LinearModel {
  const features = scaling.shift.length;
  const folded = new Float32Array(outputs * features);
  const bias = new Float32Array(outputs);
  for (let k = 0; k < outputs; k++) {
    let offset = weights[features * outputs + k] as number;
    for (let j = 0; j < features; j++) {
      const w = (weights[j * outputs + k] as number) * (scaling.scale[j] as number);
      folded[k * features + j] = w * scaling.labelDeviation;
      offset -= w * (scaling.shift[j] as number);
    }
    bias[k] = offset * scaling.labelDeviation + scaling.labelShift;
  }
  return { features, outputs, weights: folded, bias };
}
