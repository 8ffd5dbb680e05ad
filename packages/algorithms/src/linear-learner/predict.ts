import type { Rows } from "../formats/rows.ts";
import type { Predictions, Predictor } from "../job/algorithm.ts";
import type { TrainedModel } from "./artifact.ts";
import { loadModel } from "./artifact.ts";
import type { LinearModel } from "./scaling.ts";

/** Reads a trained model for serving. */
export async function load(modelDirectory: string): Promise<Predictor> {
  return predictor(await loadModel(modelDirectory));
}

/** Answers rows with `score` and, for classifiers, `predicted_label`. */
export function predictor(model: TrainedModel): Predictor {
  return { featureDim: model.linear.features, predict: (rows) => predict(model, rows) };
}

function predict(model: TrainedModel, rows: Rows): Predictions {
  const linear = linearScores(model.linear, rows);
  const count = rows.count;
  switch (model.predictorType) {
    case "regressor":
      return { rows: count, columns: [{ name: "score", values: linear }] };
    case "binary_classifier": {
      const labels = Float32Array.from(linear, (score) => (score >= model.threshold ? 1 : 0));
      // A hinge model's score is its margin, not a probability.
      const scores = model.loss === "hinge_loss" ? linear : linear.map((score) => 1 / (1 + Math.exp(-score)));
      return {
        rows: count,
        columns: [
          { name: "score", values: scores },
          { name: "predicted_label", values: labels },
        ],
      };
    }
    case "multiclass_classifier": {
      const width = model.linear.outputs;
      return {
        rows: count,
        columns: [
          { name: "score", width, values: softmaxRows(linear, width) },
          { name: "predicted_label", values: highest(linear, width) },
        ],
      };
    }
  }
}

/** x . w + b for every row and output, shape (rows, outputs), in double precision. */
function linearScores(model: LinearModel, rows: Rows): Float64Array {
  const { outputs, features, weights, bias } = model;
  const out = new Float64Array(rows.count * outputs);
  for (let i = 0; i < rows.count; i++) {
    for (let k = 0; k < outputs; k++) {
      let sum = bias[k] as number;
      const w = k * features;
      if (rows.kind === "dense") {
        const x = i * features;
        for (let j = 0; j < features; j++) sum += (rows.values[x + j] as number) * (weights[w + j] as number);
      } else {
        const end = rows.offsets[i + 1] as number;
        for (let e = rows.offsets[i] as number; e < end; e++)
          sum += (rows.values[e] as number) * (weights[w + (rows.columns[e] as number)] as number);
      }
      out[i * outputs + k] = sum;
    }
  }
  return out;
}

function softmaxRows(scores: Float64Array, width: number): Float64Array {
  const out = new Float64Array(scores.length);
  for (let at = 0; at < scores.length; at += width) {
    const own = scores.subarray(at, at + width);
    const top = own.reduce((a, b) => Math.max(a, b), -Infinity);
    let total = 0;
    for (let k = 0; k < width; k++) total += Math.exp((own[k] as number) - top);
    for (let k = 0; k < width; k++) out[at + k] = Math.exp((own[k] as number) - top) / total;
  }
  return out;
}

function highest(scores: Float64Array, width: number): Float64Array {
  return Float64Array.from({ length: scores.length / width }, (_, i) => {
    let best = 0;
    for (let k = 1; k < width; k++) {
      if ((scores[i * width + k] as number) > (scores[i * width + best] as number)) best = k;
    }
    return best;
  });
}
