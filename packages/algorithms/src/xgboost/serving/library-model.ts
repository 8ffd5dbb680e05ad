import { Booster, type Prediction } from "../library/booster.ts";
import { XGBoostLibrary } from "../library/library.ts";
import { Matrix } from "../library/matrix.ts";
import type { Scorer } from "../scoring/scorer.ts";

/**
 * A model that is left to XGBoost's library.
 * @param path - Of the model.
 * @param libraryPath - Of the library; undefined where the run has none.
 * @throws Error saying why the library cannot read it.
 */
export function libraryModel(path: string, libraryPath: string | undefined): Scorer {
  if (libraryPath === undefined) throw new Error("the run does not say where XGBoost's library is");
  const library = new XGBoostLibrary(libraryPath);
  const booster = Booster.create(library);
  try {
    booster.load(path);
  } catch (error) {
    throw new Error(`XGBoost ${library.version.join(".")} cannot read it: ${(error as Error).message}`, {
      cause: error,
    });
  }
  // One row costs less than waking another thread; many rows are answered at once by many requests.
  booster.set("nthread", "1");
  const { objective, classes, kind } = aboutModel(booster);
  const isTrees = kind === "gbtree" || kind === "dart";
  return {
    objective,
    classes,
    features: booster.features(),
    predict: (rows, what: Prediction) => {
      if (isTrees && rows.kind === "dense" && library.isFrom(1, 7)) return booster.predictInPlace(rows, what);
      using matrix = Matrix.of(library, rows, 1);
      return booster.predict(matrix, what);
    },
  };
}

function aboutModel(booster: Booster): { objective: string; classes: number; kind: string } {
  const learner = booster.configuration().learner as {
    objective?: { name?: string };
    gradient_booster?: { name?: string };
    learner_model_param?: { num_class?: string };
  };
  return {
    objective: learner.objective?.name ?? "",
    classes: Number(learner.learner_model_param?.num_class ?? 0),
    kind: learner.gradient_booster?.name ?? "",
  };
}
