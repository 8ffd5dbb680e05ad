import type { Predictor } from "../job/algorithm.ts";
import { loadModel } from "./artifact.ts";
import { openProjection } from "./projection.ts";

/** Reads a trained model for serving: each row is answered with its `projection` on the components. */
export async function load(modelDirectory: string): Promise<Predictor> {
  const model = await loadModel(modelDirectory);
  const projection = await openProjection(model, 1);
  return {
    featureDim: model.width,
    predict: (rows) => {
      const values = projection.project(rows);
      return { rows: rows.count, columns: [{ name: "projection", width: model.count, values, isFloat: true }] };
    },
  };
}
