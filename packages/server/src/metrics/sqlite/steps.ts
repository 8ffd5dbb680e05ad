import type { DatabaseSync } from "node:sqlite";
import type { Scope } from "../../scope.ts";
import type { RefusedStep, RunMetrics, Step, StepsQuery } from "../metric-store.ts";

/** Raw values of one metric of one run. */
export const maxStepsOfMetric = 100_000;
/** Metrics of one run. */
export const maxMetricsOfRun = 10_000;

/** A value without a step; steps of callers count from 0. */
const noStep = -1;

/** Reads and writes `run_metric` and `step`. */
export class Steps {
  readonly #sql: ReturnType<typeof prepareAll>;

  constructor(database: DatabaseSync) {
    this.#sql = prepareAll(database);
  }

  /** A value of a time and step that is there already takes its place, so that a repeated request changes nothing. */
  put({ scope, run, points }: RunMetrics): RefusedStep[] {
    const refused: RefusedStep[] = [];
    for (const [index, { name, step, at, value }] of points.entries()) {
      const metric = this.#metric(scope, run, name);
      if (!metric || metric.points >= maxStepsOfMetric) {
        refused.push({ index, reason: "limit" });
        continue;
      }
      const { changes } = this.#sql.add.run(metric.id, at, step ?? noStep, value);
      if (changes === 0) this.#sql.replace.run(value, metric.id, at, step ?? noStep);
      this.#sql.count.run(changes, at, metric.id);
    }
    return refused;
  }

  /** Adds values at the steps that follow the last one, the first at step 1. Beyond the limit of a metric none are kept. */
  append(
    scope: Scope,
    run: string,
    name: string,
    values: readonly { readonly at: number; readonly value: number }[],
  ): void {
    if (values.length === 0) return;
    const before = this.#metric(scope, run, name)?.points ?? 0;
    const points = values.map(({ at, value }, index) => ({ name, at, value, step: before + index + 1 }));
    this.put({ scope, run, points });
  }

  list({ scope, run, name, axis, from, to, limit }: StepsQuery): Step[] {
    const metric = this.#sql.find.get(scope.account, scope.region, run, name)?.["id"] as number | undefined;
    if (metric === undefined) return [];
    const rows = axis === "time" ? this.#sql.byTime : this.#sql.byStep;
    return (rows.all(metric, from, to, limit) as unknown as { step: number; at: number; value: number }[]).map(
      ({ step, at, value }) => ({ step: step === noStep ? undefined : step, at, value }),
    );
  }

  forget({ account, region }: Scope, run: string): void {
    this.#sql.removeSteps.run(account, region, run);
    this.#sql.removeMetrics.run(account, region, run);
  }

  #metric({ account, region }: Scope, run: string, name: string): { id: number; points: number } | undefined {
    const found = this.#sql.find.get(account, region, run, name) as { id: number; points: number } | undefined;
    if (found) return found;
    const { n } = this.#sql.metrics.get(account, region, run) as { n: number };
    if (n >= maxMetricsOfRun) return undefined;
    return { id: Number(this.#sql.create.run(account, region, run, name).lastInsertRowid), points: 0 };
  }
}

function prepareAll(database: DatabaseSync) {
  const ofRun = "account = ? AND region = ? AND run = ?";
  return {
    find: database.prepare(`SELECT id, points FROM run_metric WHERE ${ofRun} AND name = ?`),
    metrics: database.prepare(`SELECT count(*) AS n FROM run_metric WHERE ${ofRun}`),
    create: database.prepare(
      "INSERT INTO run_metric (account, region, run, name, points, last_at) VALUES (?, ?, ?, ?, 0, 0)",
    ),
    add: database.prepare("INSERT INTO step (metric, at, step, value) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"),
    replace: database.prepare("UPDATE step SET value = ? WHERE metric = ? AND at = ? AND step = ?"),
    count: database.prepare("UPDATE run_metric SET points = points + ?, last_at = max(last_at, ?) WHERE id = ?"),
    byTime: database.prepare(
      "SELECT step, at, value FROM step WHERE metric = ? AND at >= ? AND at <= ? ORDER BY at, step LIMIT ?",
    ),
    byStep: database.prepare(
      "SELECT step, at, value FROM step WHERE metric = ? AND step >= ? AND step <= ? ORDER BY step, at LIMIT ?",
    ),
    removeSteps: database.prepare(`DELETE FROM step WHERE metric IN (SELECT id FROM run_metric WHERE ${ofRun})`),
    removeMetrics: database.prepare(`DELETE FROM run_metric WHERE ${ofRun}`),
  };
}
