import { expect, test } from "vitest";
import { profileColumn } from "../analysis/column-types.ts";
import type { Problem } from "../problem.ts";
import { candidateNotebook } from "./candidate-notebook.ts";
import { explainability } from "./explainability.ts";
import { explorationNotebook, type NotebookContext } from "./exploration-notebook.ts";
import { permutationImportance } from "./importance.ts";
import { modelInsights } from "./insights.ts";

/** A class that would be a tag where it is not escaped. */
const tag = "<b>&\"'";
const binary: Problem = { type: "BinaryClassification", target: "y", classes: ["no", tag] };
const labels = Float64Array.from([0, 0, 1, 1]);

test("insights of two classes: the matrix, one pair of curves, and a page with all of it", () => {
  const answers = Float64Array.from([0.1, 0.7, 0.6, 0.9]);
  const files = modelInsights(binary, labels, answers);
  expect(Object.keys(files).sort()).toEqual([
    ...["confusion_matrix.svg", "precision_recall_curve.svg", "report.html", "roc_curve.svg", "statistics.json"],
  ]);
  const { binary_classification_metrics: told } = JSON.parse(files["statistics.json"] as string) as {
    binary_classification_metrics: Record<string, { value: number }> & { confusion_matrix: object; classes: object };
  };
  expect(told.confusion_matrix).toEqual({ no: { no: 1, [tag]: 1 }, [tag]: { no: 0, [tag]: 2 } });
  expect(told.classes).toMatchObject({ [tag]: { precision: 2 / 3, recall: 1, support: 2, predicted: 3 } });
  expect(told["auc"]).toEqual({ value: 0.75 });
  expect(told["curves"]).toMatchObject({ [tag]: { auc: 0.75 } });
  const page = files["report.html"] as string;
  expect(page).not.toContain("<b>");
  expect(page.match(/<svg /g)).toHaveLength(3);
  expect(page).toContain('<td class="number">0.6667</td>');
});

test("insights of several classes have curves of each", () => {
  const problem: Problem = { type: "MulticlassClassification", target: "y", classes: ["a", "b", "c"] };
  const answers = Float64Array.from([0.8, 0.1, 0.1, 0.2, 0.5, 0.3, 0.1, 0.2, 0.7]);
  const files = modelInsights(problem, Float64Array.from([0, 1, 2]), answers);
  for (const k of [0, 1, 2]) expect(files[`roc_curve_${k}.svg`]).toContain("area 1.0000");
  expect(files["report.html"]?.match(/<svg /g)).toHaveLength(7);
});

test("insights of a regression are predicted over actual values", () => {
  const problem: Problem = { type: "Regression", target: "y", classes: [] };
  const files = modelInsights(problem, Float64Array.from([1, 2, 4]), Float64Array.from([1, 2, 1]));
  expect(JSON.parse(files["statistics.json"] as string)).toMatchObject({
    regression_metrics: { mse: { value: 3 }, mae: { value: 1 } },
  });
  expect(files["actual_and_predicted.svg"]?.match(/<circle /g)).toHaveLength(3);
});

test("a column that a model rests on is important, and one that it does not look at is not", () => {
  const rows = Array.from({ length: 100 }, (_, row) => row);
  const table = {
    names: ["noise", tag],
    count: rows.length,
    columns: [rows.map((row) => String((row * 37) % 11)), rows.map((row) => String(row % 2))],
  };
  const importances = permutationImportance({
    ...{ problem: binary, metric: "LogLoss" as const, table, labels: Float64Array.from(rows, (row) => row % 2) },
    columns: table.names,
    predict: ({ columns }) => Float64Array.from(columns[1] ?? [], (value) => (value === "1" ? 0.9 : 0.2)),
  });
  expect(importances.map(({ name }) => name)).toEqual([tag, "noise"]);
  expect(importances[0]?.value).toBeGreaterThan(0.3);
  expect(importances[1]?.value).toBe(0);
  const files = explainability(importances, "LogLoss");
  const told = JSON.parse(files["analysis.json"] as string) as object;
  expect(told).toMatchObject({ explanations: { permutation_importance: { metric: "LogLoss", values: { noise: 0 } } } });
  expect(files["report.html"]).not.toContain("<b>");
});

test("notebooks are of Jupyter's form, show the data, and hold any name", () => {
  const columns = [
    ["1", "", "3", "4"],
    ["Ulm | Rom", "Ulm", "Ulm", "Bern"],
    ["no", tag, "no", tag],
  ];
  const train = { names: ["x", 'to"wn\n', "y"], count: 4, columns };
  const context: NotebookContext = {
    analysis: {
      ...{ version: 1, problem: binary, objective: "F1", mode: "HYPERPARAMETER_TUNING", candidates: [] },
      ...{ inputs: ["x", 'to"wn\n'], rows: { train: 4, validation: 1 }, notes: ["Look out."] },
      profiles: [0, 1].map((index) => profileColumn(train, index)),
      pipelines: [{ name: "dpp0", style: "tree", learner: "xgboost", ranges: [] }],
    },
    given: { job_name: "birds", image: "autopilot:1", role: "arn:role", output: "s3://b/birds" },
    dataUri: "s3://b/birds/data/",
  };
  const cells = [explorationNotebook(context, train), candidateNotebook(context)].flatMap((text) => {
    const notebook = JSON.parse(text) as { nbformat: number; cells: { cell_type: string; source: string[] }[] };
    expect(notebook.nbformat).toBe(4);
    return notebook.cells.map(({ source }) => source.join(""));
  });
  const shown = cells.join("\n");
  expect(shown).toContain("- Look out.");
  expect(shown).toContain("| 1 | Ulm   Rom | no |"); // the sample
  expect(shown).toContain('| to"wn  | Ulm (2) | Bern (1) |');
  expect(shown).toContain("| x | numeric | 25.00 % | 3 |");
  expect(shown).toContain('objective = {"Type": "Maximize", "MetricName": "validation:F1"}');
});
