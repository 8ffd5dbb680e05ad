import type { TrainingContext } from "../job/algorithm.ts";
import type { Reservoir } from "./reservoir.ts";

/** Prints what one pass over the training data gave: progress, rows and speed. */
export function reportSampling(
  { log, resources }: Pick<TrainingContext, "log" | "resources">,
  { seen }: Reservoir,
  startedAt: number,
): void {
  const now = Date.now();
  const once = (value: number) => ({ sum: value, count: 1, min: value, max: value });
  // This algorithm says it without "of".
  log.info(`#progress_metric: host=${resources.currentHost}, completed 100 % epochs`);
  log.metrics({
    startTime: startedAt / 1000,
    endTime: now / 1000,
    dimensions: { Operation: "training", Meta: "training_data_iter", epoch: 0 },
    metrics: { "Number of Records Since Last Reset": once(seen), "update.time": once(now - startedAt) },
  });
  log.throughput(seen / Math.max(1e-3, (now - startedAt) / 1000));
}
