import type { Handler } from "../service.ts";

/** One raw value of a metric of a trial component. */
interface RawMetricData {
  readonly MetricName: string;
  readonly Timestamp: Date;
  readonly Step?: number;
  readonly Value: number;
}

/** One metric to read. `Start` and `End` are milliseconds since 1970, or steps. */
export interface MetricQueryInput {
  readonly MetricName: string;
  readonly ResourceArn: string;
  readonly MetricStat: "Min" | "Max" | "Avg" | "Count" | "StdDev" | "Last";
  readonly Period: "OneMinute" | "FiveMinute" | "OneHour" | "IterationNumber";
  readonly XAxisType: "IterationNumber" | "Timestamp";
  readonly Start?: number;
  readonly End?: number;
}

/** What one query gave. */
export interface MetricQueryResult {
  readonly Status: "Complete" | "Truncated" | "InternalError" | "ValidationError";
  readonly Message?: string;
  readonly XAxisValues: number[];
  readonly MetricValues: number[];
}

interface BatchPutMetricsError {
  readonly Code: "METRIC_LIMIT_EXCEEDED" | "VALIDATION_ERROR";
  readonly MetricIndex: number;
}

/** Types of BatchPutMetrics, which no npm package has. */
export type BatchPutMetrics = Handler<
  { readonly TrialComponentName: string; readonly MetricData: readonly RawMetricData[] },
  { readonly Errors?: BatchPutMetricsError[] }
>;

/** Types of BatchGetMetrics, which no npm package has. */
export type BatchGetMetrics = Handler<
  { readonly MetricQueries: readonly MetricQueryInput[] },
  { readonly MetricQueryResults: MetricQueryResult[] }
>;
