import type { DatabaseSync } from "node:sqlite";
import { distributionOf } from "../distribution.ts";
import { BoundedMatcher, type Match } from "../log/bounded-matcher.ts";
import { type NewLines, readNewLines } from "../log/log-reader.ts";
import type { LogMetrics } from "../log-metrics.ts";
import type { FollowedLog, LastValue, MetricPoints } from "../metric-store.ts";
import type { Samples } from "./samples.ts";
import type { Steps } from "./steps.ts";

/** What must not be tried or told again of one log. */
interface Dropped {
  /** Definitions whose expression takes too long. */
  readonly slow: readonly string[];
  readonly isSkipping: boolean;
}

/** Reads metrics off logs, with positions that move in the transaction that adds what was read. */
export class LogFollowers {
  readonly #sql: ReturnType<typeof prepareAll>;
  readonly #samples: Samples;
  readonly #steps: Steps;
  readonly #matcher = new BoundedMatcher();

  constructor(database: DatabaseSync, samples: Samples, steps: Steps) {
    this.#sql = prepareAll(database);
    this.#samples = samples;
    this.#steps = steps;
  }

  follow(log: LogMetrics, now: number): FollowedLog {
    const row = this.#sql.position.get(log.file) as { offset: number; dropped: string } | undefined;
    const lines = readNewLines(log.file, row?.offset ?? 0);
    if (row && lines.offset === row.offset && lines.skippedBytes === 0) return { hasMore: false, notices: [] };
    const dropped: Dropped = row ? (JSON.parse(row.dropped) as Dropped) : { slow: [], isSkipping: false };
    const wanted = log.definitions.filter(({ name }) => !dropped.slow.includes(name));
    const { matches, slow } = this.#matcher.match(lines.texts, wanted);
    this.#keep(log, lines, matches);
    const isSkipping = dropped.isSkipping || lines.skippedBytes > 0;
    const next: Dropped = { slow: [...dropped.slow, ...slow], isSkipping };
    this.#sql.move.run(log.file, log.owner, lines.offset, JSON.stringify(next), now);
    return { hasMore: lines.hasMore, notices: notices(dropped, lines, slow) };
  }

  lastValues(owner: string): LastValue[] {
    return this.#sql.lastValues.all(owner) as unknown as LastValue[];
  }

  forget(owner: string): void {
    this.#sql.forgetPositions.run(owner);
    this.#sql.forgetValues.run(owner);
  }

  #keep(log: LogMetrics, lines: NewLines, matches: readonly Match[]): void {
    const points = new Map<string, { name: string; at: number; values: [number, number][] }>();
    for (const { line, name, value } of matches) {
      const at = lines.times[line] as number;
      this.#sql.setValue.run(log.owner, name, at, value);
      const minute = Math.floor(at / 60_000) * 60;
      const key = `${minute} ${name}`;
      const point = points.get(key) ?? { name, at: minute, values: [] };
      point.values.push([value, 1]);
      points.set(key, point);
    }
    if (log.steps) {
      const { scope, run, name } = log.steps;
      const values = matches.filter((match) => match.name === name);
      this.#steps.append(
        scope,
        run,
        name,
        values.map(({ line, value }) => ({ at: lines.times[line] as number, value })),
      );
    }
    if (!log.series) return;
    const { scope, namespace, dimensions } = log.series;
    const data = [...points.values()].map(
      ({ name, at, values }): MetricPoints => ({
        ...{ scope, namespace, name, dimensions, at },
        unit: "None",
        resolution: 60,
        values: distributionOf(values),
      }),
    );
    // Without room for more series the last values are kept all the same.
    this.#samples.put(data);
  }
}

function notices(before: Dropped, lines: NewLines, slow: readonly string[]): string[] {
  const told = slow.map(
    (name) =>
      `The regular expression of the metric ${name} takes too long or is too large; it is not looked for any more.`,
  );
  if (lines.skippedBytes > 0 && !before.isSkipping) {
    told.push("The log grows faster than metrics are read off it; parts of it are passed over.");
  }
  return told;
}

function prepareAll(database: DatabaseSync) {
  return {
    position: database.prepare("SELECT offset, dropped FROM log_position WHERE file = ?"),
    move: database.prepare(`INSERT INTO log_position (file, owner, offset, dropped, read_at) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (file) DO UPDATE SET offset = excluded.offset, dropped = excluded.dropped, read_at = excluded.read_at`),
    setValue: database.prepare(`INSERT INTO last_value (owner, name, at, value) VALUES (?, ?, ?, ?)
      ON CONFLICT (owner, name) DO UPDATE SET at = excluded.at, value = excluded.value
      WHERE excluded.at >= last_value.at`),
    lastValues: database.prepare("SELECT name, at, value FROM last_value WHERE owner = ?"),
    forgetPositions: database.prepare("DELETE FROM log_position WHERE owner = ?"),
    forgetValues: database.prepare("DELETE FROM last_value WHERE owner = ?"),
  };
}
