import type { JobLog } from "../job/job-log.ts";
import type { PredictorType } from "./vote.ts";

interface Quality {
  readonly name: string;
  readonly kind: "loss" | "score";
  readonly value: number;
}

/** Compares predictions with the true labels of held-out rows. */
export interface QualityMeter {
  add(predicted: Float32Array, labels: Float32Array): void;
  report(): readonly Quality[];
}

/** The meter of a task. */
export function qualityMeter(type: PredictorType): QualityMeter {
  return type === "classifier" ? new ClassifierMeter() : new RegressorMeter();
}

/** Prints what a meter found, in both forms that the service prints. */
export function reportQualities(log: JobLog, meter: QualityMeter): void {
  const qualities = meter.report();
  for (const { name, value } of qualities) log.score("test", name, value);
  for (const quality of qualities) log.qualityMetric({ split: "test", ...quality });
}

interface ClassCounts {
  right: number;
  predicted: number;
  actual: number;
}

class ClassifierMeter implements QualityMeter {
  readonly #classes = new Map<number, ClassCounts>();
  #right = 0;
  #rows = 0;

  add(predicted: Float32Array, labels: Float32Array): void {
    for (let i = 0; i < labels.length; i++) {
      const [label, guess] = [labels[i] as number, predicted[i] as number];
      this.#of(label).actual++;
      this.#of(guess).predicted++;
      if (label !== guess) continue;
      this.#of(label).right++;
      this.#right++;
    }
    this.#rows += labels.length;
  }

  report(): readonly Quality[] {
    // 2 right / (predicted + actual) is F1; every class that is here was predicted or is a label of some row.
    let sum = 0;
    for (const { right, predicted, actual } of this.#classes.values()) sum += (2 * right) / (predicted + actual);
    return [
      { name: "accuracy", kind: "score", value: this.#right / this.#rows },
      { name: "macro_f_1.000", kind: "score", value: sum / this.#classes.size },
    ];
  }

  #of(label: number): ClassCounts {
    const known = this.#classes.get(label);
    if (known !== undefined) return known;
    const fresh = { right: 0, predicted: 0, actual: 0 };
    this.#classes.set(label, fresh);
    return fresh;
  }
}

class RegressorMeter implements QualityMeter {
  #squares = 0;
  #rows = 0;

  add(predicted: Float32Array, labels: Float32Array): void {
    for (let i = 0; i < labels.length; i++) this.#squares += ((predicted[i] as number) - (labels[i] as number)) ** 2;
    this.#rows += labels.length;
  }

  report(): readonly Quality[] {
    return [{ name: "mse", kind: "loss", value: this.#squares / this.#rows }];
  }
}
