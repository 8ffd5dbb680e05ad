import { pythonJson } from "./python-text.ts";
import { writeLine } from "./write-line.ts";

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
  progress(percent: number, digits?: number): void;
  /** `#throughput_metric: host=algo-1, train throughput=52104.5 records/second` */
  throughput(recordsPerSecond: number): void;
  /** `#validation_score (algo-1) : ('multiclass_log_loss', 0.62)` */
  score(split: string, name: string, value: number): void;
  /** `#metrics {"StartTime":…,"EndTime":…,"Dimensions":{…},"Metrics":{…}}` */
  metrics(metrics: MetricsLine): void;
}

interface QualityMetric {
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

interface MetricsLine {
  /** Seconds since the epoch; now when absent. */
  readonly startTime?: number;
  readonly endTime?: number;
  /** Joined to Algorithm and Host: Operation, epoch, model, Meta. */
  readonly dimensions: Readonly<Record<string, string | number>>;
  readonly metrics: Readonly<Record<string, MetricSummary>>;
}

interface MetricSummary {
  readonly sum: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
}

export interface JobLogOptions {
  /** `algo-1`. */
  readonly host: string;
  /** Name in the `Algorithm` dimension: `Linear Learner`. */
  readonly title: string;
  readonly write?: (line: string) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A log in the form of SageMaker's own algorithms (spec: algorithms, log conventions). */
export function createJobLog({ host, title, write = writeLine, now = Date.now }: JobLogOptions): JobLog {
  const print = (level: string, text: string) => write(`[${stamp(now())} ${level} ${process.pid}] ${text}`);
  const info = (text: string) => print("INFO", text);
  return {
    info,
    warning: (text) => print("WARNING", text),
    error: (text) => print("ERROR", text),
    qualityMetric: ({ epoch, batch, split, name, kind, value }) => {
      const position = [
        ...(epoch === undefined ? [] : [`epoch=${epoch}, `]),
        ...(batch === undefined ? [] : [`batch=${batch} `]),
      ].join("");
      info(`#quality_metric: host=${host}, ${position}${split} ${name} <${kind}>=${value}`);
    },
    earlyStoppingCriteria: (epoch, criteria, value) =>
      info(`#early_stopping_criteria_metric: host=${host}, epoch=${epoch}, criteria=${criteria}, value=${value}`),
    progress: (percent, digits = 0) =>
      info(`#progress_metric: host=${host}, completed ${percent.toFixed(digits)} % of epochs`),
    throughput: (rate) => info(`#throughput_metric: host=${host}, train throughput=${rate} records/second`),
    score: (split, name, value) => info(`#${split}_score (${host}) : ('${name}', ${value})`),
    metrics: ({ startTime, endTime, dimensions, metrics }) => {
      const seconds = now() / 1000;
      const line = {
        StartTime: startTime ?? seconds,
        EndTime: endTime ?? seconds,
        Dimensions: { Algorithm: title, Host: host, ...dimensions },
        Metrics: metrics,
      };
      // Alone among all lines this one has no prefix in recorded logs.
      write(`#metrics ${pythonJson(line)}`);
    },
  };
}

/** `MM/DD/YYYY HH:MM:SS`, UTC. */
function stamp(millis: number): string {
  const [date = "", time = ""] = new Date(millis).toISOString().split("T");
  const [year, month, day] = date.split("-");
  return `${month}/${day}/${year} ${time.slice(0, 8)}`;
}
