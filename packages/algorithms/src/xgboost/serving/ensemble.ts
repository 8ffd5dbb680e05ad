import type { Rows } from "../../formats/rows.ts";
import type { Prediction } from "../library/booster.ts";
import type { Scorer } from "../scoring/scorer.ts";

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
export function ensembleOf(models: readonly Scorer[]): Ensemble {
  const [{ objective, classes }] = models as [Scorer];
  const votes = objective === "multi:softmax" || objective === "binary:hinge";
  return {
    objective,
    classes,
    features: Math.max(...models.map(({ features }) => features)),
    predict: (rows, what) => {
      const answers = models.map((model) => model.predict(rows, what));
      const values = answers.length === 1 ? (answers[0] as Float32Array) : joined(answers, votes && what === "value");
      return { values, width: rows.count === 0 ? 1 : values.length / rows.count };
    },
  };
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
