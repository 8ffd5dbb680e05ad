import type { JobLog } from "../job/job-log.ts";
import type { IpInsightsHyperparameters } from "./hyperparameters.ts";

/** What a mini-batch gave. */
interface BatchResult {
  readonly rows: number;
  /** Real and made-up pairs. */
  readonly pairs: number;
  /** Summed cross entropy. */
  readonly loss: number;
  /** Pairs that were told right. */
  readonly hits: number;
}

const nothing = { rows: 0, pairs: 0, loss: 0, hits: 0 };

/** Prints the lines of an epoch: every so many mini-batches, and at its end. */
export class EpochReport {
  readonly #log: JobLog;
  readonly #epoch: number;
  readonly #epochs: number;
  readonly #interval: number;
  readonly #startedAt = Date.now();
  #batches = 0;
  #all = nothing;
  /** Since the last report. */
  #recent = nothing;
  #reportedAt = Date.now();

  constructor(log: JobLog, epoch: number, hyperparameters: IpInsightsHyperparameters) {
    this.#log = log;
    this.#epoch = epoch;
    this.#epochs = hyperparameters.epochs;
    this.#interval = hyperparameters.batch_metrics_publish_interval;
  }

  get rows(): number {
    return this.#all.rows;
  }

  add(result: BatchResult): void {
    this.#all = sum(this.#all, result);
    this.#recent = sum(this.#recent, result);
    const batch = this.#batches++;
    if (batch % this.#interval !== 0) return;
    this.#quality(this.#recent, { epoch: this.#epoch, batch });
    // The first mini-batch alone says little of speed.
    if (batch > 0) this.#log.throughput(this.#recent.rows / secondsSince(this.#reportedAt));
    this.#recent = nothing;
    this.#reportedAt = Date.now();
  }

  end(): void {
    const epoch = this.#epoch;
    const now = Date.now();
    const once = (value: number) => ({ sum: value, count: 1, min: value, max: value });
    this.#quality(this.#all, { epoch });
    this.#log.progress((100 * (epoch + 1)) / this.#epochs, 1);
    this.#log.metrics({
      startTime: this.#startedAt / 1000,
      endTime: now / 1000,
      dimensions: { Operation: "training", Meta: "training_data_iter", epoch },
      metrics: {
        "Number of Records Since Last Reset": once(this.#all.rows),
        "Number of Batches Since Last Reset": once(this.#batches),
        "epoch.time": once(now - this.#startedAt),
      },
    });
    this.#log.throughput(this.#all.rows / secondsSince(this.#startedAt));
  }

  #quality({ pairs, loss, hits }: BatchResult, position: { epoch: number; batch?: number }): void {
    const prefix = { ...position, split: "train" };
    const name = "binary_classification";
    this.#log.qualityMetric({ ...prefix, name: `${name}_cross_entropy`, kind: "loss", value: loss / pairs });
    this.#log.qualityMetric({ ...prefix, name: `${name}_accuracy`, kind: "score", value: hits / pairs });
  }
}

function sum(a: BatchResult, b: BatchResult): BatchResult {
  return { rows: a.rows + b.rows, pairs: a.pairs + b.pairs, loss: a.loss + b.loss, hits: a.hits + b.hits };
}

function secondsSince(millis: number): number {
  return Math.max(1e-3, (Date.now() - millis) / 1000);
}
