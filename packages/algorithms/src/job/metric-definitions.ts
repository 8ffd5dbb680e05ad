/** A metric definition as CreateTrainingJob fills it in; `regex` is Python's. */
export interface MetricDefinition {
  readonly name: string;
  readonly regex: string;
}

/**
 * The definition that finds `JobLog.qualityMetric` lines without epoch.
 * @param name - `msd`: joined to the split as in `test:msd`, unless the line says something else.
 */
export function finalMetric(
  split: string,
  name: string,
  kind: "loss" | "score",
  written: string = name,
): MetricDefinition {
  return { name: `${split}:${name}`, regex: `#quality_metric: host=\\S+, ${split} ${written} <${kind}>=(\\S+)` };
}

/** The definition that finds `JobLog.qualityMetric` lines of each epoch. */
export function epochMetric(split: string, name: string, kind: "loss" | "score", written: string): MetricDefinition {
  return {
    name: `${split}:${name}`,
    regex: `#quality_metric: host=\\S+, epoch=\\S+, ${split} ${written} <${kind}>=(\\S+)`,
  };
}

/** What every first-party algorithm prints about its progress. */
export const progressMetrics: readonly MetricDefinition[] = [
  { name: "train:progress", regex: "#progress_metric: host=\\S+, completed (\\S+) %" },
  { name: "train:throughput", regex: "#throughput_metric: host=\\S+, train throughput=(\\S+) records/second" },
];
