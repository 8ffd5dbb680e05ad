import { type ClassScores, classScores, confusionMatrix } from "../metrics/confusion.ts";
import { areaUnderRoc, averagePrecision, type CurvePoint, curvePoints } from "../metrics/curves.ts";
import { inOrder, measure } from "../metrics/measure.ts";
import { decide, type Problem, widthOf } from "../problem.ts";
import { heading, page, paragraph, pictures, table } from "./page.ts";
import { confusionSvg, curveSvg, scatterSvg } from "./svg.ts";

/** Files of a report by name. */
export type ReportFiles = Record<string, string>;

/** Points of curves that the statistics have; all of them would be as large as the data. */
const keptPoints = 200;
/** Classes that have curves of their own. */
const curvedClasses = 10;

/** Says how good a model is: statistics for programs, pictures and a page for people. */
export function modelInsights(problem: Problem, labels: Float64Array, answers: Float64Array): ReportFiles {
  return problem.type === "Regression" ? ofRegression(problem, labels, answers) : ofClasses(problem, labels, answers);
}

function ofRegression(problem: Problem, labels: Float64Array, answers: Float64Array): ReportFiles {
  const picture = scatterSvg("Predicted and actual values", labels, answers);
  const metrics = metricsJson(problem, labels, answers);
  return {
    "statistics.json": json({ version: 0, dataset: { item_count: labels.length }, regression_metrics: metrics }),
    "actual_and_predicted.svg": picture,
    "report.html": page("Model insights", [intro(problem, labels.length), metricsTable(metrics), pictures([picture])]),
  };
}

function ofClasses(problem: Problem, labels: Float64Array, answers: Float64Array): ReportFiles {
  const { classes } = problem;
  const matrix = confusionMatrix(labels, decide(problem, answers), classes.length);
  const files: ReportFiles = { "confusion_matrix.svg": confusionSvg(classes, matrix) };
  const curves: Record<string, unknown> = {};
  const drawn: string[] = [];
  for (const [name, points] of curvesOf(problem, labels, answers)) {
    const suffix = classes.length === 2 ? "" : `_${classes.indexOf(name)}`;
    const of = classes.length === 2 ? "" : ` of ${name}`;
    const pair = [rocSvg(points, of), precisionRecallSvg(points, of)] as const;
    [files[`roc_curve${suffix}.svg`], files[`precision_recall_curve${suffix}.svg`]] = pair;
    drawn.push(pictures(pair));
    curves[name] = curveJson(points);
  }
  const metrics = metricsJson(problem, labels, answers);
  const scores = classScores(matrix, classes.length);
  const kind = classes.length === 2 ? "binary_classification_metrics" : "multiclass_classification_metrics";
  files["statistics.json"] = json({
    ...{ version: 0, dataset: { item_count: labels.length } },
    [kind]: {
      confusion_matrix: nested(classes, matrix),
      ...metrics,
      classes: Object.fromEntries(scores.map((each, k) => [classes[k], each])),
      curves,
    },
  });
  files["report.html"] = page("Model insights", [
    ...[intro(problem, labels.length), metricsTable(metrics), heading("Classes")],
    ...[classesTable(classes, scores), pictures([confusionSvg(classes, matrix)])],
    heading("Curves"),
    ...(classes.length > curvedClasses ? [paragraph(`Of the first ${curvedClasses} classes.`)] : []),
    ...drawn,
  ]);
  return files;
}

/** Of the positive class of two; of several, of each against the others. */
function curvesOf(problem: Problem, labels: Float64Array, answers: Float64Array): [string, CurvePoint[]][] {
  const width = widthOf(problem);
  if (width === 1) return [[problem.classes[1] as string, curvePoints(labels, answers)]];
  return problem.classes.slice(0, curvedClasses).map((name, k) => {
    const own = labels.map((label) => (label === k ? 1 : 0));
    return [
      name,
      curvePoints(
        own,
        Float64Array.from(labels, (_, row) => answers[row * width + k] as number),
      ),
    ];
  });
}

function rocSvg(points: readonly CurvePoint[], of: string): string {
  const [positives, negatives] = totals(points);
  return curveSvg({
    ...{ title: `Receiver operating characteristic${of}`, xName: "false positive rate", yName: "true positive rate" },
    points: [[0, 0], ...points.map((p) => [p.falsePositives / negatives, p.truePositives / positives] as const)],
    ...{
      reference: [
        [0, 0],
        [1, 1],
      ],
      note: `area ${areaUnderRoc(points).toFixed(4)}`,
    },
  });
}

function precisionRecallSvg(points: readonly CurvePoint[], of: string): string {
  const [positives, negatives] = totals(points);
  const share = positives / (positives + negatives);
  const precision = (p: CurvePoint) => p.truePositives / (p.truePositives + p.falsePositives);
  return curveSvg({
    ...{ title: `Precision and recall${of}`, xName: "recall", yName: "precision" },
    points: points.map((p) => [p.truePositives / positives, precision(p)] as const),
    ...{
      reference: [
        [0, share],
        [1, share],
      ],
      note: `average precision ${averagePrecision(points).toFixed(4)}`,
    },
  });
}

/** At least 1 of each, so that shares of nothing are 0. */
function totals(points: readonly CurvePoint[]): [positives: number, negatives: number] {
  const last = points.at(-1);
  return [Math.max(1, last?.truePositives ?? 0), Math.max(1, last?.falsePositives ?? 0)];
}

function curveJson(points: readonly CurvePoint[]) {
  const [positives, negatives] = totals(points);
  const step = Math.max(1, Math.ceil(points.length / keptPoints));
  const kept = points.filter((_, i) => i % step === 0 || i === points.length - 1);
  const [auc, average] = [areaUnderRoc(points), averagePrecision(points)];
  return {
    ...(Number.isFinite(auc) && { auc }),
    ...(Number.isFinite(average) && { average_precision: average }),
    thresholds: kept.map(({ threshold }) => threshold),
    true_positive_rates: kept.map((p) => p.truePositives / positives),
    false_positive_rates: kept.map((p) => p.falsePositives / negatives),
    precisions: kept.map((p) => p.truePositives / (p.truePositives + p.falsePositives)),
  };
}

function nested(classes: readonly string[], matrix: Float64Array): Record<string, Record<string, number>> {
  const row = (k: number) =>
    classes.map((name, j): [string, number] => [name, matrix[k * classes.length + j] as number]);
  return Object.fromEntries(classes.map((name, k) => [name, Object.fromEntries(row(k))]));
}

/** In the form of the service's monitoring of models: `{"accuracy": {"value": 0.9, …}}`. */
function metricsJson(problem: Problem, labels: Float64Array, answers: Float64Array): Record<string, { value: number }> {
  const scores = inOrder(problem, measure(problem, labels, answers));
  return Object.fromEntries(scores.map(([name, value]) => [snakeCase(name), { value }]));
}

/** `BalancedAccuracy` is `balanced_accuracy`, `F1macro` is `f1_macro`. */
function snakeCase(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .replace(/(\d)([a-z])/g, "$1_$2")
    .toLowerCase();
}

function intro(problem: Problem, count: number): string {
  const [, positive] = problem.classes;
  const of = problem.type === "BinaryClassification" ? ` The positive class is ${positive}.` : "";
  return paragraph(`${problem.type} of ${problem.target}, over ${count} validation rows.${of}`);
}

function metricsTable(metrics: Readonly<Record<string, { value: number }>>): string {
  return table(
    ["metric", "value"],
    Object.entries(metrics).map(([name, { value }]) => [name, value]),
  );
}

function classesTable(classes: readonly string[], scores: readonly ClassScores[]): string {
  return table(
    ["class", "rows", "precision", "recall", "F1"],
    scores.map(({ support, precision, recall, f1 }, k) => [classes[k] as string, support, precision, recall, f1]),
  );
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
