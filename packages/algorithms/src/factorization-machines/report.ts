import type { JobLog } from "../job/job-log.ts";
import type { QualityMeter } from "./quality.ts";

/** What one pass over the training data gave. */
interface EpochResult {
  readonly epoch: number;
  readonly epochs: number;
  /** Milliseconds since the epoch of Unix. */
  readonly startedAt: number;
  readonly rows: number;
  readonly batches: number;
  readonly meter: QualityMeter;
}

/** Prints an epoch's lines: how good its answers were, what was read, progress and speed. */
export function reportEpoch(log: JobLog, { epoch, epochs, startedAt, rows, batches, meter }: EpochResult): void {
  const now = Date.now();
  const once = (value: number) => ({ sum: value, count: 1, min: value, max: value });
  for (const { name, kind, value } of meter.report()) {
    log.qualityMetric({ epoch, split: "train", name, kind, value });
  }
  log.progress((100 * (epoch + 1)) / epochs);
  log.metrics({
    startTime: startedAt / 1000,
    endTime: now / 1000,
    dimensions: { Operation: "training", Meta: "training_data_iter", epoch },
    metrics: {
      "Number of Records Since Last Reset": once(rows),
      "Number of Batches Since Last Reset": once(batches),
      "epoch.time": once(now - startedAt),
    },
  });
  log.throughput(rows / Math.max(1e-3, (now - startedAt) / 1000));
}

/** Prints how good the answers to a whole split were, in the older form as well. */
export function reportSplit(log: JobLog, split: "train" | "test", meter: QualityMeter): void {
  const qualities = meter.report();
  for (const { name, value } of qualities) log.score(split, name, value);
  for (const { name, kind, value } of qualities) log.qualityMetric({ split, name, kind, value });
}
