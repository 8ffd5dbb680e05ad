import type { JobLog } from "./job-log.ts";

/** What one pass over the training data gave. */
interface EpochResult {
  readonly epoch: number;
  readonly epochs: number;
  /** Milliseconds since the epoch of Unix. */
  readonly startedAt: number;
  readonly rows: number;
  readonly batches: number;
}

/** Prints an epoch's lines: what was read, progress and speed. */
export function reportEpoch(log: JobLog, { epoch, epochs, startedAt, rows, batches }: EpochResult): void {
  const now = Date.now();
  const once = (value: number) => ({ sum: value, count: 1, min: value, max: value });
  log.progress((100 * (epoch + 1)) / epochs, 1);
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
