import type { Scope } from "../scope.ts";
import type { Dimensions } from "./metric.ts";

/** A name and a regular expression in Python's dialect whose first group is the value. */
export interface MetricDefinition {
  readonly name: string;
  readonly regex: string;
}

/** A log to read metrics off. */
export interface LogMetrics {
  /** Whose last values they are: one text for all logs of a job. */
  readonly owner: string;
  /** The log file, whose lines are `EPOCH_MILLISECONDS SPACE TEXT LF`. */
  readonly file: string;
  readonly definitions: readonly MetricDefinition[];
  /** Where the time series go; absent where only the last values are wanted. */
  readonly series?: { readonly scope: Scope; readonly namespace: string; readonly dimensions: Dimensions };
  /** A metric of which every value is kept, as the steps of a run: counted from 1 in the order in which they are read. */
  readonly steps?: { readonly scope: Scope; readonly run: string; readonly name: string };
}
