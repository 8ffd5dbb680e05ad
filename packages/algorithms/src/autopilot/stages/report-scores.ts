import type { JobLog } from "../../job/job-log.ts";
import { inOrder, type Scores } from "../metrics/measure.ts";
import { isMinimised } from "../metrics/metric-names.ts";
import type { Problem } from "../problem.ts";

/** Prints what was measured, for the platform to read. */
export function reportScores(log: JobLog, problem: Problem, split: "train" | "validation", scores: Scores): void {
  for (const [name, value] of inOrder(problem, scores)) {
    log.qualityMetric({ split, name, kind: isMinimised(name) ? "loss" : "score", value });
  }
}

/** Requests of one row that the latency is the median of. */
const tries = 20;

/** Prints how long an answer to one row takes, in seconds, without the way to it. */
export function reportLatency(log: JobLog, answer: () => unknown): void {
  const seconds = Array.from({ length: tries }, () => {
    const begin = performance.now();
    answer();
    return (performance.now() - begin) / 1000;
  }).sort((a, b) => a - b);
  const value = seconds[Math.floor(tries / 2)] as number;
  log.qualityMetric({ split: "validation", name: "InferenceLatency", kind: "loss", value });
}
