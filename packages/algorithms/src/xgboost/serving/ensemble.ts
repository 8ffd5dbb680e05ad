import type { Rows } from "../../formats/rows.ts";
import type { Booster, Prediction } from "../library/booster.ts";
import type { XGBoostLibrary } from "../library/library.ts";
import { Matrix } from "../library/matrix.ts";

/** Answers of one or several models to some rows. */
export interface RawAnswers {
  /** Shape (rows, width). */
  readonly values: Float32Array;
  readonly width: number;
}

/** Models that answer as one. */
export interface Ensemble {
  readonly objective: string;
  readonly features: number;
  /** Of the objective; 0 where it has none. */
  readonly classes: number;
  predict(rows: Rows, what: Prediction): RawAnswers;
}

/** Joins models: the mean of their answers, or the most frequent one where answers are labels. */
export function ensembleOf(library: XGBoostLibrary, boosters: readonly Booster[]): Ensemble {
  const [first] = boosters as [Booster];
  const { objective, classes, kind } = aboutModel(first);
  const isTrees = kind === "gbtree" || kind === "dart";
  const votes = objective === "multi:softmax" || objective === "binary:hinge";
  return {
    objective,
    classes,
    features: Math.max(...boosters.map((booster) => booster.features())),
    predict: (rows, what) => {
      const answers =
        isTrees && rows.kind === "dense" && library.isFrom(1, 7)
          ? boosters.map((booster) => booster.predictInPlace(rows, what))
          : predictMatrix(library, boosters, rows, what);
      const values = answers.length === 1 ? (answers[0] as Float32Array) : joined(answers, votes && what === "value");
      return { values, width: rows.count === 0 ? 1 : values.length / rows.count };
    },
  };
}

function predictMatrix(
  library: XGBoostLibrary,
  boosters: readonly Booster[],
  rows: Rows,
  what: Prediction,
): Float32Array[] {
  using matrix = Matrix.of(library, rows, 1);
  return boosters.map((booster) => booster.predict(matrix, what));
}

function joined(answers: readonly Float32Array[], votes: boolean): Float32Array {
  return Float32Array.from(answers[0] as Float32Array, (_, i) => {
    const all = answers.map((each) => each[i] as number);
    if (!votes) return all.reduce((sum, each) => sum + each, 0) / all.length;
    return [...Map.groupBy(all, (each) => each)].sort(
      ([a, x], [b, y]) => y.length - x.length || a - b,
    )[0]?.[0] as number;
  });
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
