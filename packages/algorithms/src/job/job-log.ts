/** What an algorithm prints. The platform reads metrics from these lines, so their form is part of the contract. */
export interface JobLog {
  info(text: string): void;
  warning(text: string): void;
  error(text: string): void;
  /** `#quality_metric: host=algo-1, epoch=0, train mse_objective <loss>=0.96` */
  qualityMetric(metric: QualityMetric): void;
  /** `#early_stopping_criteria_metric: host=algo-1, epoch=0, criteria=mse_objective, value=0.94` */
  earlyStoppingCriteria(epoch: number, criteria: string, value: number): void;
  /** `#progress_metric: host=algo-1, completed 6 % of epochs` */
  progress(percent: number): void;
  /** `#throughput_metric: host=algo-1, train throughput=52104.5 records/second` */
  throughput(recordsPerSecond: number): void;
  /** `#validation_score (algo-1) : ('multiclass_log_loss', 0.62)` */
  score(split: string, name: string, value: number): void;
  /** `#metrics {"StartTime":…,"EndTime":…,"Dimensions":{…},"Metrics":{…}}` */
  metrics(metrics: MetricsLine): void;
}

export interface QualityMetric {
  readonly epoch?: number;
  readonly batch?: number;
  /** `train`, `validation`, `test`. */
  readonly split: string;
  /** `mse_objective`. */
  readonly name: string;
  /** Whether small (`loss`) or large (`score`) values are good. */
  readonly kind: "loss" | "score";
  readonly value: number;
}

export interface MetricsLine {
  /** Seconds since the epoch; now when absent. */
  readonly startTime?: number;
  readonly endTime?: number;
  /** Joined to Algorithm and Host: Operation, epoch, model, Meta. */
  readonly dimensions: Readonly<Record<string, string | number>>;
  readonly metrics: Readonly<Record<string, MetricSummary>>;
}

export interface MetricSummary {
  readonly sum: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
}
