import type { FactorizationHyperparameters } from "./hyperparameters.ts";
import type { BatchArea } from "./learner.ts";

/** One measured figure of some rows. */
interface Quality {
  /** As in log lines: `rmse`, `binary_f_1.000`. */
  readonly name: string;
  readonly kind: "loss" | "score";
  readonly value: number;
}

/** Takes scored mini-batches and says how good the scores were. */
export interface QualityMeter {
  add(area: BatchArea, rows: number): void;
  report(): readonly Quality[];
}

/** The meter of a predictor type. */
export function meterOf(predictorType: FactorizationHyperparameters["predictor_type"]): QualityMeter {
  return predictorType === "regressor" ? new RegressionMeter() : new BinaryMeter();
}

class RegressionMeter implements QualityMeter {
  #squares = 0;
  #absolutes = 0;
  #rows = 0;

  add({ scores, labels }: BatchArea, rows: number): void {
    for (let i = 0; i < rows; i++) {
      const error = (scores[i] as number) - (labels[i] as number);
      this.#squares += error * error;
      this.#absolutes += Math.abs(error);
    }
    this.#rows += rows;
  }

  report(): Quality[] {
    const mse = this.#squares / this.#rows;
    return [
      { name: "rmse", kind: "loss", value: Math.sqrt(mse) },
      { name: "mse", kind: "loss", value: mse },
      { name: "absolute_loss", kind: "loss", value: this.#absolutes / this.#rows },
    ];
  }
}

/** A row's label is 1 where its probability is at least 0.5, which is where its score is at least 0. */
class BinaryMeter implements QualityMeter {
  #entropy = 0;
  #right = 0;
  #truePositives = 0;
  /** Rows that are 1, and rows that were called so. */
  #positives = 0;
  #called = 0;
  #rows = 0;

  add({ scores, labels, losses }: BatchArea, rows: number): void {
    for (let i = 0; i < rows; i++) {
      const isCalled = (scores[i] as number) >= 0;
      const isPositive = labels[i] === 1;
      this.#entropy += losses[i] as number;
      if (isCalled === isPositive) this.#right++;
      if (isCalled) this.#called++;
      if (isPositive) this.#positives++;
      if (isCalled && isPositive) this.#truePositives++;
    }
    this.#rows += rows;
  }

  report(): Quality[] {
    const all = this.#positives + this.#called;
    return [
      { name: "binary_classification_accuracy", kind: "score", value: this.#right / this.#rows },
      { name: "binary_classification_cross_entropy", kind: "loss", value: this.#entropy / this.#rows },
      { name: "binary_f_1.000", kind: "score", value: all === 0 ? 0 : (2 * this.#truePositives) / all },
    ];
  }
}
