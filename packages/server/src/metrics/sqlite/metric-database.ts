import type { DatabaseSync } from "node:sqlite";
import type { Scope } from "../../scope.ts";
import type { LogMetrics } from "../log-metrics.ts";
import type { MetricPoints, MetricQuery, RunMetrics, StatisticsQuery, StepsQuery } from "../metric-store.ts";
import { LogFollowers } from "./log-followers.ts";
import { collectOthers, collectSamples } from "./retention.ts";
import { Samples } from "./samples.ts";
import { Steps } from "./steps.ts";

/** What the metric thread is asked for: the method and its arguments. */
export type MetricTask = {
  [Name in keyof MetricMethods]: readonly [method: Name, ...args: Parameters<MetricMethods[Name]>];
}[keyof MetricMethods];

/** What the metric thread does, each inside the transaction of its batch. */
export type MetricMethods = ReturnType<typeof methods>;

function methods(database: DatabaseSync, samples: Samples) {
  const steps = new Steps(database);
  const logs = new LogFollowers(database, samples, steps);
  return {
    put: (data: readonly MetricPoints[]) => samples.put(data),
    list: (query: MetricQuery) => samples.list(query),
    statistics: (query: StatisticsQuery) => samples.statistics(query),
    followLog: (log: LogMetrics, now: number) => logs.follow(log, now),
    lastValues: (owner: string) => logs.lastValues(owner),
    forgetLogs: (owner: string) => logs.forget(owner),
    putSteps: (run: RunMetrics) => steps.put(run),
    steps: (query: StepsQuery) => steps.list(query),
    forgetSteps: (scope: Scope, run: string) => steps.forget(scope, run),
    collectSamples: (after: number, now: number) => collectSamples(database, samples, after, now),
    collectOthers: (now: number) => collectOthers(database, now),
  };
}

/** How long looks at logs may keep the other tasks of their batch waiting; the look under way is not cut short. */
const looksMillis = 50;

/** Tasks on one database: a batch is one transaction and one fsync. */
export class MetricDatabase {
  readonly #database: DatabaseSync;
  readonly #samples: Samples;
  readonly #methods: MetricMethods;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#samples = new Samples(database);
    this.#methods = methods(database, this.#samples);
  }

  /**
   * Runs the tasks in order and commits them together.
   * @returns Their results. Looks at logs that there was no time for have none: they come last, and the caller repeats them.
   * @throws What SQLite or the file system throws: then nothing of the batch was written.
   */
  run(tasks: readonly MetricTask[]): unknown[] {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const results = this.#results(tasks);
      this.#database.exec("COMMIT");
      return results;
    } catch (error) {
      // Some failures (disk full) have rolled the transaction back already.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#samples.forget();
      throw error;
    }
  }

  #results(tasks: readonly MetricTask[]): unknown[] {
    const results: unknown[] = [];
    let until = Number.POSITIVE_INFINITY;
    for (const [method, ...args] of tasks) {
      if (performance.now() > until) break;
      // Counted from the first look, which comes after everything else: a batch has one at least.
      if (method === "followLog") until = Math.min(until, performance.now() + looksMillis);
      results.push((this.#methods[method] as (...args: unknown[]) => unknown)(...args));
    }
    return results;
  }

  close(): void {
    this.#database.close();
  }
}
