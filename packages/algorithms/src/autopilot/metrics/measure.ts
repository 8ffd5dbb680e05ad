import { decide, type Problem, widthOf } from "../problem.ts";
import { classScores, confusionMatrix } from "./confusion.ts";
import { areaUnderRoc, curvePoints } from "./curves.ts";
import { isMinimised, type MetricName, metricsOf } from "./metric-names.ts";

/** Values by the API's names of metrics. */
export type Scores = Partial<Record<MetricName, number>>;

/** Probabilities are kept this far from 0 and 1, so that one wrong certainty does not make the loss infinite. */
const edge = 1e-15;

/**
 * Measures answers by every metric of the problem.
 * @param labels - Numbers of classes, or values.
 * @param answers - Shape (rows, width) of `widthOf`.
 */
export function measure(problem: Problem, labels: ArrayLike<number>, answers: Float64Array): Scores {
  return problem.type === "Regression" ? ofRegression(labels, answers) : ofClasses(problem, labels, answers);
}

/** One metric, turned so that large is good: what searches compare. */
export function goodness(problem: Problem, metric: MetricName, labels: ArrayLike<number>, answers: Float64Array) {
  const value = measure(problem, labels, answers)[metric] ?? Number.NaN;
  return isMinimised(metric) ? -value : value;
}

function ofRegression(labels: ArrayLike<number>, answers: Float64Array): Scores {
  const count = labels.length;
  let squares = 0;
  let absolutes = 0;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const error = (answers[i] as number) - (labels[i] as number);
    squares += error * error;
    absolutes += Math.abs(error);
    sum += labels[i] as number;
  }
  const mean = sum / count;
  let spread = 0;
  for (let i = 0; i < count; i++) spread += ((labels[i] as number) - mean) ** 2;
  const MSE = squares / count;
  return {
    ...{ MSE, RMSE: Math.sqrt(MSE), MAE: absolutes / count },
    R2: spread === 0 ? (squares === 0 ? 1 : 0) : 1 - squares / spread,
  };
}

function ofClasses(problem: Problem, labels: ArrayLike<number>, answers: Float64Array): Scores {
  const { length: classes } = problem.classes;
  const decided = decide(problem, answers);
  const scores = classScores(confusionMatrix(labels, decided, classes), classes);
  const seen = scores.filter(({ support }) => support > 0);
  let right = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] === decided[i]) right += 1;
  const shared = {
    Accuracy: right / labels.length,
    BalancedAccuracy: seen.reduce((sum, { recall }) => sum + recall, 0) / seen.length,
    LogLoss: logLoss(problem, labels, answers),
  };
  const positive = scores.at(-1);
  if (problem.type === "BinaryClassification" && positive) {
    const AUC = areaUnderRoc(curvePoints(labels, answers));
    return { ...shared, AUC, F1: positive.f1, Precision: positive.precision, Recall: positive.recall };
  }
  // Classes that neither the rows nor the answers have count for nothing, as in scikit-learn.
  const counted = scores.filter(({ support, predicted }) => support + predicted > 0);
  const mean = (of: (each: (typeof scores)[number]) => number) =>
    counted.reduce((sum, each) => sum + of(each), 0) / counted.length;
  return {
    ...shared,
    F1macro: mean(({ f1 }) => f1),
    PrecisionMacro: mean(({ precision }) => precision),
    RecallMacro: mean(({ recall }) => recall),
  };
}

function logLoss(problem: Problem, labels: ArrayLike<number>, answers: Float64Array): number {
  const width = widthOf(problem);
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    const answer = width === 1 ? (answers[i] as number) : (answers[i * width + label] as number);
    const p = width === 1 && label === 0 ? 1 - answer : answer;
    sum -= Math.log(Math.min(Math.max(p, edge), 1 - edge));
  }
  return sum / labels.length;
}

/** The metrics of a problem in the API's order, those that have a value. */
export function inOrder(problem: Problem, scores: Scores): [MetricName, number][] {
  return metricsOf[problem.type].flatMap((name): [MetricName, number][] => {
    const value = scores[name];
    return value === undefined || !Number.isFinite(value) ? [] : [[name, value]];
  });
}
