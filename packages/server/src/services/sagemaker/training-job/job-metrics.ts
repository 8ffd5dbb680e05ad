import { statSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import type { Log } from "../../../log.ts";
import type { MetricDefinition } from "../../../metrics/log-metrics.ts";
import type { MetricStore } from "../../../metrics/metric-store.ts";
import type { RunPlaces } from "./run-places.ts";
import { type FinalMetric, scopeOf, type TrainingJobRecord } from "./training-job.ts";

/** CloudWatch's namespace of what training jobs measure. */
export const trainingMetricNamespace = "/aws/sagemaker/TrainingJobs";

/** Looks at one log in a row, of a megabyte each; more is left to the next round. */
const looksInARow = 8;

/** What a job's last values are kept under: all its attempts and hosts together, but not another job of its name. */
function ownerOf({ value, createdAt }: TrainingJobRecord): string {
  return `${value.arn} ${createdAt}`;
}

function definitionsOf({ value }: TrainingJobRecord): readonly MetricDefinition[] {
  return (value.spec.AlgorithmSpecification?.MetricDefinitions ?? []).map(({ Name, Regex }) => ({
    name: Name,
    regex: Regex,
  }));
}

/** Under which run every value of a trial's objective is kept, step by step. @param arn - The training job's. */
export function objectiveRun(arn: string): string {
  return arn;
}

/** Whether a job measures anything. */
export function hasMetrics(record: TrainingJobRecord): boolean {
  return definitionsOf(record).length > 0;
}

interface FollowedLog {
  isBeingRead: boolean;
  /** Its size when it was read to its end: most looks find nothing new, which costs no more than asking for the size. */
  readUpTo: number;
}

/** Reads the metrics of jobs off their logs, while they run. */
export class JobMetrics {
  readonly #metrics: MetricStore;
  readonly #log: Log;
  /** Log files of running jobs. */
  readonly #followed = new Map<string, FollowedLog>();

  constructor({ metrics, log }: { readonly metrics: MetricStore; readonly log: Log }) {
    this.#metrics = metrics;
    this.#log = log;
  }

  /** How many logs are read while they grow. */
  get followed(): number {
    return this.#followed.size;
  }

  /** Looks at what the logs gained, without keeping anyone waiting: an expression may take its time. */
  follow(record: TrainingJobRecord, places: readonly RunPlaces[]): void {
    if (!hasMetrics(record)) return;
    for (const { logFile } of places) {
      const log = this.#followed.get(logFile) ?? { isBeingRead: false, readUpTo: 0 };
      if (log.isBeingRead) continue;
      const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
      if (log.readUpTo === size) continue;
      this.#followed.set(logFile, log);
      log.isBeingRead = true;
      this.#read(record, logFile, looksInARow)
        .then((isWhole) => {
          if (isWhole) log.readUpTo = size;
        })
        // The position did not move: the next look reads the same again.
        .catch((error: unknown) => this.#log.warn("metrics could not be read off a log", { logFile, error }))
        .finally(() => {
          log.isBeingRead = false;
        });
    }
  }

  /** Reads the logs to their ends. @returns The last value of each metric, in the order of the definitions. */
  async finish(record: TrainingJobRecord, places: readonly RunPlaces[]): Promise<FinalMetric[]> {
    if (!hasMetrics(record)) return [];
    for (const { logFile } of places) {
      await this.#read(record, logFile, Number.POSITIVE_INFINITY);
      this.#followed.delete(logFile);
    }
    return lastMetrics(this.#metrics, record);
  }

  /** Drops what is of no use once the record has the last values. */
  async forget(record: TrainingJobRecord): Promise<void> {
    if (hasMetrics(record)) await this.#metrics.forgetLogs(ownerOf(record));
  }

  /** @returns Whether everything was read that was there when it began. */
  async #read(record: TrainingJobRecord, file: string, looks: number): Promise<boolean> {
    const { spec } = record.value;
    const keepsSeries = spec.AlgorithmSpecification?.EnableSageMakerMetricsTimeSeries ?? true;
    const series = {
      scope: scopeOf(record),
      namespace: trainingMetricNamespace,
      dimensions: [["TrainingJobName", spec.TrainingJobName]] as const,
    };
    const { tuning, arn } = record.value;
    const steps = tuning && { scope: scopeOf(record), run: objectiveRun(arn), name: tuning.objective };
    const log = {
      ...{ owner: ownerOf(record), file, definitions: definitionsOf(record) },
      ...(keepsSeries && { series }),
      ...(steps && { steps }),
    };
    for (let look = 0; look < looks; look++) {
      const { hasMore, notices } = await this.#metrics.followLog(log);
      if (notices.length > 0) {
        await appendFile(file, notices.map((notice) => `${Date.now()} [sagebrush] ${notice}\n`).join(""));
      }
      if (!hasMore) return true;
    }
    return false;
  }
}

/** The last value of each metric that the job's logs have told so far, in the order of the definitions. */
export async function lastMetrics(metrics: MetricStore, record: TrainingJobRecord): Promise<FinalMetric[]> {
  const definitions = definitionsOf(record);
  if (definitions.length === 0) return [];
  const values = new Map((await metrics.lastValues(ownerOf(record))).map((value) => [value.name, value]));
  return definitions.flatMap(({ name }) => values.get(name) ?? []);
}
