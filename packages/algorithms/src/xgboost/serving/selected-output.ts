import type { Rows } from "../../formats/rows.ts";
import type { Output, OutputValue } from "./encode.ts";
import type { Ensemble } from "./ensemble.ts";

const regressions = ["reg:squarederror", "reg:logistic", "reg:gamma", "reg:absoluteerror", "reg:tweedie"];
const labelKeys = ["predicted_label", "labels", "raw_score", "raw_scores"];
const allKeys = ["predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores"];

/** What may be selected of each objective. */
const keysOf: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(regressions.map((objective) => [objective, ["predicted_score"]])),
  "binary:logistic": allKeys,
  "binary:logitraw": labelKeys,
  "binary:hinge": labelKeys,
  "multi:softmax": labelKeys,
  "multi:softprob": allKeys,
};

/** Reads SAGEMAKER_INFERENCE_OUTPUT. @returns undefined where nothing is selected. */
export function selectedKeys(text: string | undefined): readonly string[] | undefined {
  const keys = (text ?? "")
    .split(",")
    .map((key) => key.trim())
    .filter((key) => key !== "");
  return keys.length === 0 ? undefined : keys;
}

/**
 * Answers with what the caller selected; keys that the objective has not come back as NaN.
 * @throws Error for an objective that has nothing to select (answered with 500, as by the service's container).
 */
export function selectedOutput(ensemble: Ensemble, rows: Rows, keys: readonly string[]): Output {
  const valid = keysOf[ensemble.objective];
  if (valid === undefined)
    throw new Error(`SAGEMAKER_INFERENCE_OUTPUT cannot be used with the objective ${ensemble.objective}`);
  const value = ensemble.predict(rows, "value");
  const margin = ensemble.predict(rows, "margin");
  return {
    keys,
    isPlain: false,
    rows: Array.from({ length: rows.count }, (_, row) => {
      const answer = new RowAnswer(ensemble, rowOf(value, row), rowOf(margin, row));
      return keys.map((key) => (valid.includes(key) ? answer.valueOf(key) : Number.NaN));
    }),
  };
}

function rowOf({ values, width }: { values: Float32Array; width: number }, row: number): number[] {
  return Array.from(values.subarray(row * width, (row + 1) * width));
}

/** One row's answer in all its forms. */
class RowAnswer {
  readonly #objective: string;
  readonly #classes: number;
  readonly #value: readonly number[];
  readonly #margin: readonly number[];

  constructor({ objective, classes }: Ensemble, value: readonly number[], margin: readonly number[]) {
    this.#objective = objective;
    this.#classes = Math.max(2, classes);
    this.#value = value;
    this.#margin = margin;
  }

  valueOf(key: string): OutputValue {
    switch (key) {
      case "predicted_score":
        return this.#value[0] as number;
      case "predicted_label":
        return { whole: this.#label };
      case "labels":
        return { whole: Array.from({ length: this.#classes }, (_, label) => label) };
      case "probability":
        return this.#value.length > 1 ? Math.max(...this.#value) : (this.#value[0] as number);
      case "probabilities":
        return this.#value.length > 1 ? this.#value : [1 - (this.#value[0] as number), this.#value[0] as number];
      case "raw_score":
        return this.#margin.length > 1 ? (this.#margin[this.#label] as number) : (this.#margin[0] as number);
      case "raw_scores":
        return this.#margin.length > 1 ? this.#margin : [-(this.#margin[0] as number), this.#margin[0] as number];
      default:
        return Number.NaN;
    }
  }

  get #label(): number {
    const [value = 0] = this.#value;
    switch (this.#objective) {
      case "binary:logistic":
        return Number(value > 0.5);
      case "binary:logitraw":
        return Number(value > 0);
      case "multi:softprob":
        return this.#value.indexOf(Math.max(...this.#value));
      default:
        return value;
    }
  }
}
