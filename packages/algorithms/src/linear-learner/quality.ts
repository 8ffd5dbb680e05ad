import type { Confusion } from "./calibration.ts";
import { accuracyOf, fBetaOf, precisionOf, recallOf } from "./calibration.ts";
import { RocArea } from "./roc-area.ts";

/** One measured figure of a split. */
export interface Quality {
  /** As in log lines: `mse`, `binary_f_1.000`. */
  readonly name: string;
  readonly kind: "loss" | "score";
  readonly value: number;
}

/** Takes a model's scores block by block and says how good they were. */
export interface QualityMeter {
  /** `scores` has shape (rows, stride); the first columns of each row count. */
  add(scores: Float32Array, stride: number, labels: Float32Array, rows: number): void;
  report(): Quality[];
}

/** Squared and absolute error in label units; `scores` and `labels` are scaled by `deviation`. */
export function regressionMeter(deviation: number): QualityMeter {
  let squares = 0;
  let absolutes = 0;
  let count = 0;
  return {
    add(scores, stride, labels, rows) {
      for (let i = 0; i < rows; i++) {
        const r = ((scores[i * stride] as number) - (labels[i] as number)) * deviation;
        squares += r * r;
        absolutes += Math.abs(r);
      }
      count += rows;
    },
    report: () => [
      { name: "mse", kind: "loss", value: squares / count },
      { name: "absolute_loss", kind: "loss", value: absolutes / count },
      { name: "rmse", kind: "loss", value: Math.sqrt(squares / count) },
    ],
  };
}

/**
 * Quality of binary decisions at a threshold on linear scores.
 * @param withRanking - Whether to rank all scores for the area under the ROC curve.
 */
export function binaryMeter(threshold: number, beta: number, withRanking: boolean): QualityMeter {
  let truePositives = 0;
  let falsePositives = 0;
  let trueNegatives = 0;
  let falseNegatives = 0;
  const ranking = new RocArea();
  return {
    add(scores, stride, labels, rows) {
      for (let i = 0; i < rows; i++) {
        const isOne = (scores[i * stride] as number) >= threshold;
        const isRight = isOne === (labels[i] === 1);
        if (isOne && isRight) truePositives++;
        else if (isOne) falsePositives++;
        else if (isRight) trueNegatives++;
        else falseNegatives++;
      }
      if (!withRanking) return;
      for (let i = 0; i < rows; i++) ranking.add(scores[i * stride] as number, labels[i] === 1);
    },
    report() {
      const confusion: Confusion = { truePositives, falsePositives, trueNegatives, falseNegatives };
      const qualities: Quality[] = [
        { name: "binary_classification_accuracy", kind: "score", value: accuracyOf(confusion) },
        { name: `binary_f_${beta.toFixed(3)}`, kind: "score", value: fBetaOf(confusion, beta) },
        { name: "precision", kind: "score", value: precisionOf(confusion) },
        { name: "recall", kind: "score", value: recallOf(confusion) },
      ];
      if (withRanking) {
        qualities.push({ name: "roc_auc_score", kind: "score", value: ranking.area() });
      }
      return qualities;
    },
  };
}

/** Quality of a softmax classifier; a row's answer is its class of highest score, ties to the lower number. */
export function multiclassMeter(classes: number, topK: number, beta: number): QualityMeter {
  const hits = new Float64Array(classes);
  const answered = new Float64Array(classes);
  const present = new Float64Array(classes);
  let inTopK = 0;
  let gain = 0;
  let logLoss = 0;
  let count = 0;
  return {
    add(scores, stride, labels, rows) {
      for (let i = 0; i < rows; i++) {
        const label = labels[i] as number;
        const own = scores.subarray(i * stride, i * stride + classes);
        const { answer, rank, loss } = placeOf(own, label);
        bump(present, label);
        bump(answered, answer);
        if (answer === label) bump(hits, label);
        if (rank < topK) inTopK++;
        gain += 1 / Math.log2(rank + 2);
        logLoss += loss;
      }
      count += rows;
    },
    report() {
      const total = hits.reduce((a, b) => a + b, 0);
      const recalls = perClass(classes, (k) => share(hits[k], present[k]));
      const precisions = perClass(classes, (k) => share(hits[k], answered[k]));
      const fBetas = perClass(classes, (k) => {
        const b2 = beta * beta;
        const hit = hits[k] as number;
        return share((1 + b2) * hit, b2 * (present[k] as number) + (answered[k] as number));
      });
      const seen = recalls.filter((_, k) => (present[k] as number) > 0);
      return [
        { name: "multiclass_accuracy", kind: "score", value: total / count },
        { name: `multiclass_top_k_accuracy_${topK}`, kind: "score", value: inTopK / count },
        { name: "dcg", kind: "score", value: gain / count },
        { name: "macro_recall", kind: "score", value: mean(recalls) },
        { name: "macro_precision", kind: "score", value: mean(precisions) },
        { name: `macro_f_${beta.toFixed(3)}`, kind: "score", value: mean(fBetas) },
        { name: "multiclass_balanced_accuracy", kind: "score", value: mean(seen) },
        { name: "multiclass_log_loss", kind: "loss", value: logLoss / count },
      ];
    },
  };
}

/** The highest class, how many classes stand before the label, and the label's -log probability. */
function placeOf(scores: Float32Array, label: number): { answer: number; rank: number; loss: number } {
  const own = scores[label] as number;
  let answer = 0;
  let rank = 0;
  let top = -Infinity;
  for (let k = 0; k < scores.length; k++) {
    const score = scores[k] as number;
    if (score > top) {
      top = score;
      answer = k;
    }
    if (score > own || (score === own && k < label)) rank++;
  }
  let total = 0;
  for (const score of scores) total += Math.exp(score - top);
  return { answer, rank, loss: top - own + Math.log(total) };
}

function bump(counts: Float64Array, k: number): void {
  counts[k] = (counts[k] as number) + 1;
}

function share(part: number | undefined, whole: number | undefined): number {
  return whole === undefined || whole === 0 ? 0 : (part ?? 0) / whole;
}

function perClass(classes: number, value: (k: number) => number): number[] {
  return Array.from({ length: classes }, (_, k) => value(k));
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
