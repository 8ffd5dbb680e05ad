import { isClassification } from "./objectives.ts";

/**
 * Metrics that the library has not, computed here from margins and labels: sums of each host, which can be added up, and
 * what follows from the sums of all.
 */
export const ownMetrics: ReadonlySet<string> = new Set([
  ...["accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "mse", "precision", "precision_macro"],
  ...["precision_micro", "r2", "recall", "recall_macro", "recall_micro"],
]);

/** What can be added up over hosts: squares for regression, a table of classes for classification. */
export interface MetricSums {
  readonly kind: "classes" | "numbers";
  readonly classes: number;
  /** classes: counts, true class by row, predicted one by column. numbers: n, sum y, sum y^2, sum of squared errors. */
  readonly values: Float64Array;
}

/**
 * Sums over the rows of one host.
 * @param margins - Shape (rows, width), before the objective's transformation.
 * @param answers - The objective's own answers, for regression; shape (rows,).
 */
export function metricSums(
  objective: string,
  classes: number | undefined,
  { labels, margins, answers }: { labels: Float32Array; margins: Float32Array; answers: Float32Array },
): MetricSums {
  if (!isClassification(objective, classes)) return numberSums(labels, answers);
  const count = classes ?? 2;
  const table = new Float64Array(count * count);
  for (let row = 0; row < labels.length; row++) {
    const at =
      (labels[row] as number) * count +
      (classes === undefined ? Number((margins[row] as number) > 0) : best(margins, row, count));
    table[at] = (table[at] ?? 0) + 1;
  }
  return { kind: "classes", classes: count, values: table };
}

function numberSums(labels: Float32Array, answers: Float32Array): MetricSums {
  const values = new Float64Array(4);
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] as number;
    values[0]! += 1;
    values[1]! += label;
    values[2]! += label * label;
    values[3]! += (label - (answers[row] as number)) ** 2;
  }
  return { kind: "numbers", classes: 0, values };
}

function best(margins: Float32Array, row: number, width: number): number {
  let at = 0;
  for (let i = 1; i < width; i++)
    if ((margins[row * width + i] as number) > (margins[row * width + at] as number)) at = i;
  return at;
}

/** A metric from the sums of all hosts. scikit-learn's definitions, 0 where one divides by nothing. */
export function metricOf(name: string, { kind, classes, values }: MetricSums): number {
  if (kind === "numbers") return numberMetric(name, values);
  const total = values.reduce((sum, each) => sum + each, 0);
  const every = Array.from({ length: classes }, (_, i) => i);
  const right = every.reduce((sum, i) => sum + at(i, i), 0);
  // Classes that neither a label nor an answer has are no classes of the data.
  const seen = every.filter((i) => trueCount(i) + saidCount(i) > 0);
  switch (name) {
    case "accuracy":
    case "precision_micro":
    case "recall_micro":
      return ratio(right, total);
    case "balanced_accuracy": {
      const there = every.filter((i) => trueCount(i) > 0);
      return mean(there.map(recall));
    }
    case "f1":
    case "f1_macro":
      return mean(seen.map(f1));
    case "f1_binary":
      return f1(1);
    case "precision":
      return precision(1);
    case "precision_macro":
      return mean(seen.map(precision));
    case "recall":
      return recall(1);
    case "recall_macro":
      return mean(seen.map(recall));
    default:
      throw new Error(`${name} is no metric of classes`);
  }

  function at(truth: number, said: number): number {
    return values[truth * classes + said] ?? 0;
  }
  function trueCount(i: number): number {
    return every.reduce((sum, j) => sum + at(i, j), 0);
  }
  function saidCount(i: number): number {
    return every.reduce((sum, j) => sum + at(j, i), 0);
  }
  function precision(i: number): number {
    return ratio(at(i, i), saidCount(i));
  }
  function recall(i: number): number {
    return ratio(at(i, i), trueCount(i));
  }
  function f1(i: number): number {
    return ratio(2 * at(i, i), trueCount(i) + saidCount(i));
  }
}

function numberMetric(name: string, values: Float64Array): number {
  const [count = 0, sum = 0, squares = 0, errors = 0] = values;
  if (name === "mse") return ratio(errors, count);
  return 1 - ratio(errors, squares - (sum * sum) / count);
}

/** Metrics that need classes, for the check against the objective. */
export function needsClasses(name: string): boolean {
  return name !== "mse" && name !== "r2";
}

/** Metrics of exactly two classes. */
export function needsTwoClasses(name: string): boolean {
  return ["f1_binary", "precision", "recall"].includes(name);
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function mean(values: readonly number[]): number {
  return ratio(
    values.reduce((sum, each) => sum + each, 0),
    values.length,
  );
}
