import type { Rows } from "../formats/rows.ts";
import type { Predictions, Predictor } from "../job/algorithm.ts";
import { type ForestModel, loadModel, plantModel } from "./artifact.ts";
import type { Forest, ScoreArea } from "./forest.ts";
import { openForest } from "./open-forest.ts";
import { putRow } from "./put-row.ts";

/** Rows that are looked at together. */
const sliceRows = 1024;

/** Reads a trained model for serving. */
export async function load(modelDirectory: string): Promise<Predictor> {
  return await openPredictor(await loadModel(modelDirectory));
}

/** Answers rows with their `score`, the same for a row alone as among others. */
export async function openPredictor(model: ForestModel): Promise<Predictor> {
  const { width, trees, samples, points } = model;
  const forest = await openForest(width, 1);
  const target = forest.points(trees * samples);
  for (let i = 0; i < trees * samples; i++) {
    target.set(points.subarray(i * width, (i + 1) * width), i * forest.stride);
  }
  plantModel(model, forest.plant({ trees, samples }));
  forest.measure();
  const area = forest.area(sliceRows);
  return { featureDim: width, predict: (rows) => predict(rows, forest, area) };
}

function predict(rows: Rows, forest: Forest, area: ScoreArea): Predictions {
  const values = new Float64Array(rows.count);
  for (let first = 0; first < rows.count; first += sliceRows) {
    const count = Math.min(sliceRows, rows.count - first);
    for (let i = 0; i < count; i++) putRow(rows, first + i, area.values, i * forest.stride);
    forest.score(area, count);
    values.set(area.scores.subarray(0, count), first);
  }
  return { rows: rows.count, columns: [{ name: "score", values }] };
}
