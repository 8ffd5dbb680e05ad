import { availableParallelism } from "node:os";
import { checkFinite } from "../formats/check-finite.ts";
import type { Rows } from "../formats/rows.ts";
import type { LoadContext, Predictor } from "../job/algorithm.ts";
import { CustomerError, RequestError } from "../job/errors.ts";
import { isLargeFlat, loadModel } from "./artifact.ts";
import { NeighbourPredictor } from "./predictor.ts";
import { openScanner } from "./search/open-scanner.ts";

/** Reads a trained model for serving. */
export async function load(modelDirectory: string, { cpus, library, log }: LoadContext): Promise<Predictor> {
  const threads = Math.min(cpus, availableParallelism());
  const { scanner, refusal } = await openScanner(threads, (await isLargeFlat(modelDirectory)) ? library : undefined);
  if (refusal !== undefined) log.warning(refusal);
  const model = await loadModel(modelDirectory, scanner);
  const predictor = new NeighbourPredictor(model, scanner);
  return {
    featureDim: model.preparation.inputWidth,
    predict: (rows, request) => {
      refuseGaps(rows);
      const found = predictor.find(rows);
      const predicted = { name: "predicted_label", values: predictor.predict(found), isFloat: true };
      if (request?.acceptParameters.get("verbose") !== "true") return { rows: rows.count, columns: [predicted] };
      const { k: width, distances, labels } = found;
      return {
        rows: rows.count,
        columns: [
          predicted,
          { name: "distances", width, values: distances, isFloat: true },
          { name: "labels", width, values: labels, isFloat: true },
        ],
      };
    },
  };
}

/** A row without all its features is near to none. */
function refuseGaps(rows: Rows): void {
  try {
    checkFinite(rows, "request");
  } catch (error) {
    if (error instanceof CustomerError) throw new RequestError(400, error.message, { cause: error });
    throw error;
  }
}
