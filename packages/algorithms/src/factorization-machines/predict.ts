import type { Rows } from "../formats/rows.ts";
import type { Predictions, Predictor } from "../job/algorithm.ts";
import { type FactorizationModel, loadModel } from "./artifact.ts";

/** Reads a trained model for serving. */
export async function load(modelDirectory: string): Promise<Predictor> {
  return predictor(await loadModel(modelDirectory));
}

/** Answers rows with `score` and, for classifiers, `predicted_label`; sums are double, in the order of columns. */
export function predictor(model: FactorizationModel): Predictor {
  const scorer = new Scorer(model);
  return { featureDim: model.width, predict: (rows) => predict(scorer, rows, model) };
}

function predict(scorer: Scorer, rows: Rows, { predictorType }: FactorizationModel): Predictions {
  const scores = new Float64Array(rows.count);
  for (let i = 0; i < rows.count; i++) scores[i] = scorer.score(rows, i);
  if (predictorType === "regressor") return { rows: rows.count, columns: [{ name: "score", values: scores }] };
  const probabilities = scores.map((score) => 1 / (1 + Math.exp(-score)));
  return {
    rows: rows.count,
    columns: [
      { name: "score", values: probabilities },
      { name: "predicted_label", values: Float32Array.from(probabilities, (value) => (value >= 0.5 ? 1 : 0)) },
    ],
  };
}

/** Scores rows one by one: their nonzero values times the number of factors is all there is to do. */
class Scorer {
  readonly #model: FactorizationModel;
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;

  constructor(model: FactorizationModel) {
    this.#model = model;
    this.#sums = new Float64Array(model.factors);
    this.#squares = new Float64Array(model.factors);
  }

  /** w0 + sum w_i x_i + 1/2 sum over factors ((sum v_i x_i)^2 - sum (v_i x_i)^2): Rendle 2010, lemma 3.1. */
  score(rows: Rows, row: number): number {
    this.#sums.fill(0);
    this.#squares.fill(0);
    let score = this.#model.parameters.bias;
    if (rows.kind === "dense") {
      const from = row * rows.width;
      for (let j = 0; j < rows.width; j++) score += this.#add(j, rows.values[from + j] as number);
    } else {
      const end = rows.offsets[row + 1] as number;
      for (let e = rows.offsets[row] as number; e < end; e++) {
        score += this.#add(rows.columns[e] as number, rows.values[e] as number);
      }
    }
    let pairs = 0;
    for (let f = 0; f < this.#sums.length; f++) pairs += (this.#sums[f] as number) ** 2 - (this.#squares[f] as number);
    return score + pairs / 2;
  }

  /** @returns The linear term of one value. */
  #add(column: number, x: number): number {
    if (x === 0) return 0;
    const { factors: k, parameters } = this.#model;
    const at = column * k;
    for (let f = 0; f < k; f++) {
      const product = x * (parameters.factors[at + f] as number);
      this.#sums[f] = (this.#sums[f] as number) + product;
      this.#squares[f] = (this.#squares[f] as number) + product * product;
    }
    return x * (parameters.linear[column] as number);
  }
}
