import type { Scope } from "../scope.ts";
import type { Distribution } from "./distribution.ts";
import type { LogMetrics } from "./log-metrics.ts";
import type { Metric } from "./metric.ts";

/**
 * Time series of every kind: CloudWatch's metrics, the metrics that are read off the logs of jobs, and the metrics of
 * SageMaker's experiments. Kept beside the records, since they come by the thousand and need neither versions nor watches.
 * Whoever produces a metric calls `put`; alarms and charts read with `statistics`.
 */
export interface MetricStore {
  /** Adds data points; resolves when they survive kill -9 and power loss. @throws TooManySeries. */
  put(data: readonly MetricPoints[]): Promise<void>;
  /** One page of the metrics that have data, ordered by namespace, name and dimensions. */
  list(query: MetricQuery): Promise<MetricPage>;
  /** What came in each period of a stretch of time, oldest first, apart by unit. */
  statistics(query: StatisticsQuery): Promise<Period[]>;

  /** Reads what a job's log has gained since the last call: exactly once, whatever dies in between. */
  followLog(log: LogMetrics): Promise<FollowedLog>;
  /** The last value of each metric that was read off a job's logs. */
  lastValues(owner: string): Promise<LastValue[]>;
  /** Drops what was only of use while the job ran: positions in its logs and last values. Its series stay. */
  forgetLogs(owner: string): Promise<void>;

  /** Adds raw values of an experiment's run. @returns For each that was not kept its index and why. */
  putSteps(run: RunMetrics): Promise<RefusedStep[]>;
  /** Raw values of one metric of a run, by time. */
  steps(query: StepsQuery): Promise<Step[]>;
  /** Drops the raw values of a run that was deleted. */
  forgetSteps(scope: Scope, run: string): Promise<void>;

  /** Puts old points together and drops what is past its retention. @returns How many series were dropped. */
  collect(now: number): Promise<number>;
  close(): Promise<void>;
}

/** There is no room for another series; points of series that are there already are still taken. */
export class TooManySeries extends Error {
  override readonly name = "TooManySeries";
}

/** Points of one metric that came in one second or minute. */
export interface MetricPoints extends Metric {
  readonly scope: Scope;
  /** CloudWatch's unit: `Seconds`, `Percent`, `None`. */
  readonly unit: string;
  /** Seconds since 1970. */
  readonly at: number;
  /** Seconds that points are kept apart by: 60, or 1 for metrics of high resolution. */
  readonly resolution: 1 | 60;
  readonly values: Distribution;
}

/** Which metrics to list. */
export interface MetricQuery {
  readonly scope: Scope;
  readonly namespace?: string;
  readonly name?: string;
  /** Dimensions that it must have; without a value, any. */
  readonly dimensions: readonly (readonly [name: string, value: string | undefined])[];
  /** Seconds since 1970: only metrics with points since. */
  readonly activeSince?: number;
  /** `next` of the page before. */
  readonly after?: Metric;
  readonly limit: number;
}

/** Some metrics, and where the next page begins. */
export interface MetricPage {
  readonly metrics: readonly Metric[];
  readonly next?: Metric;
}

/** Which points of a metric to put together. */
export interface StatisticsQuery extends Metric {
  readonly scope: Scope;
  /** Only points of this unit. */
  readonly unit?: string;
  /** Seconds since 1970; the first is part of it, the last is not. Periods count from the first. */
  readonly from: number;
  readonly to: number;
  /** Seconds. */
  readonly period: number;
}

/** What came in one period. */
export interface Period {
  readonly unit: string;
  /** Seconds since 1970: where it begins. */
  readonly at: number;
  readonly values: Distribution;
}

/** What became of a look at a log. */
export interface FollowedLog {
  /** Whether the log had more to read than one look takes. */
  readonly hasMore: boolean;
  /** What the owner of the job should know, once each. */
  readonly notices: readonly string[];
}

/** The last value of a metric. `at` is in milliseconds since 1970. */
export interface LastValue {
  readonly name: string;
  readonly value: number;
  readonly at: number;
}

/** One raw value of an experiment's run. `at` is in milliseconds since 1970. */
export interface Step {
  readonly step: number | undefined;
  readonly at: number;
  readonly value: number;
}

/** Raw values that one request brings. */
export interface RunMetrics {
  readonly scope: Scope;
  /** Name of the trial component. */
  readonly run: string;
  readonly points: readonly (Step & { readonly name: string })[];
}

/** A raw value that was not kept. */
export interface RefusedStep {
  readonly index: number;
  readonly reason: "limit";
}

/** Which raw values to read: between two times or two steps, both included. */
export interface StepsQuery {
  readonly scope: Scope;
  readonly run: string;
  readonly name: string;
  readonly axis: "time" | "step";
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}
