import type { Rows } from "../formats/rows.ts";
import type { Moments } from "./moments.ts";
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
 * Scaling by means and deviations. A feature that never changes keeps its scale.
 * @param kind - Sparse rows are not shifted unless it was asked for.
 */
export function estimateScaling(moments: Moments, kind: Rows["kind"], settings: Settings): Scaling {
  const { means, variances, label } = moments.estimate();
  const width = means.length;
  const unbias = settings.unbiasData ?? kind === "dense";
  const shift = new Float32Array(width);
  const scale = new Float32Array(width).fill(1);
  for (let j = 0; j < width; j++) {
    const mean = means[j] as number;
    const deviation = Math.sqrt(variances[j] as number);
    if (unbias) shift[j] = mean;
    // Rounding noise of a constant must not be blown up to a feature.
    if (settings.normalizeData && deviation > 1e-6 * Math.abs(mean)) scale[j] = 1 / deviation;
  }
  const labelDeviation = Math.sqrt(label.variance);
  return {
    shift,
    scale,
    labelShift: settings.unbiasLabel ? label.mean : 0,
    labelDeviation: settings.normalizeLabel && labelDeviation > 0 ? labelDeviation : 1,
  };
}

/** Labels in the space of training: regressions are scaled, in single precision. */
export function scaleLabels(labels: Float32Array, scaling: Scaling): Float32Array {
  if (scaling.labelShift === 0 && scaling.labelDeviation === 1) return labels;
  const scaled = new Float32Array(labels.length);
  for (let i = 0; i < labels.length; i++)
    scaled[i] = ((labels[i] as number) - scaling.labelShift) / scaling.labelDeviation;
  return scaled;
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
