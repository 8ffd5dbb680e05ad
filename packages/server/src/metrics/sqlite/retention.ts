import type { DatabaseSync } from "node:sqlite";
import type { Samples } from "./samples.ts";
import { readSample, type SampleRow } from "./spread-bytes.ts";

const hour = 3600;
const day = 24 * hour;

/** How long points of each width are kept apart before they are put together, as CloudWatch has it. Seconds. */
export const metricRetention = [
  { period: 1, keptFor: 3 * hour, wider: 60 },
  { period: 60, keptFor: 15 * day, wider: 300 },
  { period: 300, keptFor: 63 * day, wider: 3600 },
  { period: 3600, keptFor: 455 * day, wider: undefined },
] as const;

/** Longer than any job may run (28 days): what it left unforgotten after a crash. */
const abandonedAfter = 30 * day;
/** Points that one call puts together, so that others get their turn. */
const rowsAtOnce = 20_000;
const seriesAtOnce = 500;

/** Where a collection goes on. */
export interface CollectionSlice {
  readonly next: number | undefined;
  readonly dropped: number;
}

/** Ages the samples of some series, beginning after the one numbered `after`. `now` is in seconds. */
export function collectSamples(database: DatabaseSync, samples: Samples, after: number, now: number): CollectionSlice {
  const series = database
    .prepare("SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ?")
    .all(after, seriesAtOnce) as unknown as { id: number }[];
  const old = database.prepare(
    "SELECT at, count, sum, min, max, spread FROM sample WHERE series = ? AND period = ? AND at < ? ORDER BY at LIMIT ?",
  );
  const remove = database.prepare("DELETE FROM sample WHERE series = ? AND period = ? AND at < ?");
  const hasAny = database.prepare("SELECT 1 FROM sample WHERE series = ? LIMIT 1");
  const drop = database.prepare("DELETE FROM series WHERE id = ?");
  let [left, dropped, last] = [rowsAtOnce, 0, after];
  for (const { id } of series) {
    for (const { period, keptFor, wider } of metricRetention) {
      // Whole periods of the next width only: one that is still filling would be aged in pieces.
      const before = Math.floor((now - keptFor) / (wider ?? period)) * (wider ?? period);
      if (wider === undefined) {
        remove.run(id, period, before);
        continue;
      }
      const rows = old.all(id, period, before, left) as unknown as (SampleRow & { at: number })[];
      for (const row of rows) samples.add(id, wider, Math.floor(row.at / wider) * wider, readSample(row));
      const until = rows.length === left ? (rows.at(-1) as { at: number }).at + 1 : before;
      remove.run(id, period, until);
      left -= rows.length;
      if (left <= 0) return { next: last, dropped };
    }
    if (!hasAny.get(id)) {
      drop.run(id);
      dropped++;
    }
    last = id;
  }
  if (dropped > 0) samples.forget();
  return { next: series.length < seriesAtOnce ? undefined : last, dropped };
}

/** Drops raw values of runs and traces of logs that are past their time. `now` is in seconds. */
export function collectOthers(database: DatabaseSync, now: number): void {
  const abandoned = (now - abandonedAfter) * 1000;
  database
    .prepare("DELETE FROM last_value WHERE at < ? AND owner NOT IN (SELECT owner FROM log_position WHERE read_at >= ?)")
    .run(abandoned, abandoned);
  database.prepare("DELETE FROM log_position WHERE read_at < ?").run(abandoned);
  const expired = (now - 455 * day) * 1000;
  database.prepare("DELETE FROM step WHERE metric IN (SELECT id FROM run_metric WHERE last_at < ?)").run(expired);
  database.prepare("DELETE FROM run_metric WHERE last_at < ?").run(expired);
}
