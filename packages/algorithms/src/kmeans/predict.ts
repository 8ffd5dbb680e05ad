import type { Rows } from "../formats/rows.ts";
import { meanOf, stageRows } from "../formats/stream/stage-rows.ts";
import type { Predictions, Predictor } from "../job/algorithm.ts";
import { type KMeansModel, loadModel } from "./artifact.ts";
import { type Assigner, openAssigner, type RowArea } from "./assigner.ts";

/** Rows that are looked at together. */
const sliceRows = 1024;

/** Reads a trained model for serving. */
export async function load(modelDirectory: string): Promise<Predictor> {
  return await openPredictor(await loadModel(modelDirectory));
}

/** Answers rows with `closest_cluster` and `distance_to_cluster`, the same numbers for a row alone as among others. */
export async function openPredictor(model: KMeansModel): Promise<Predictor> {
  const { k, width, centres } = model;
  const assigner = await openAssigner({ width, centres: k }, 1);
  const origin = meanOf({ count: k, width, values: centres }, width);
  assigner.use(
    Float64Array.from(centres, (value, i) => value - (origin[i % width] as number)),
    k,
  );
  const area = assigner.area(sliceRows);
  return { featureDim: width, predict: (rows) => predict(rows, { assigner, area, origin }) };
}

interface Loaded {
  readonly assigner: Assigner;
  readonly area: RowArea;
  readonly origin: Float64Array;
}

function predict(rows: Rows, { assigner, area, origin }: Loaded): Predictions {
  const clusters = new Float32Array(rows.count);
  const distances = new Float32Array(rows.count);
  for (let first = 0; first < rows.count; first += sliceRows) {
    const count = Math.min(sliceRows, rows.count - first);
    stageRows(rows, { first, count }, { values: area.values, stride: assigner.stride, at: 0 }, origin);
    assigner.assign(area, count);
    for (let i = 0; i < count; i++) {
      clusters[first + i] = area.labels[i] as number;
      distances[first + i] = Math.sqrt(area.distances[i] as number);
    }
  }
  return {
    rows: rows.count,
    columns: [
      { name: "closest_cluster", values: clusters, isFloat: true },
      { name: "distance_to_cluster", values: distances, isFloat: true },
    ],
  };
}
