import type { DatabaseSync } from "node:sqlite";
import { type Distribution, merge } from "../distribution.ts";
import type { Dimensions, Metric } from "../metric.ts";
import type { MetricPage, MetricPoints, MetricQuery, Period, StatisticsQuery } from "../metric-store.ts";
import { encodeSpread, readSample, type SampleRow } from "./spread-bytes.ts";

/** More series than this are refused: at about 200 bytes each they are all that a small disk should hold. */
export const maxSeries = 1_000_000;
/** Series whose number is remembered. */
const knownSeries = 20_000;

/** Seconds that samples are kept apart by; `retention.ts` says for how long. */
const sampleWidths = [1, 60, 300, 3600];

/** The series that could not be made: the caller turns it into `TooManySeries`. */
export const noRoom = "too many series";

/** Reads and writes `series` and `sample`, inside whatever transaction is open. */
export class Samples {
  readonly #known = new Map<string, number>();
  readonly #sql: ReturnType<typeof prepareAll>;
  readonly #database: DatabaseSync;
  #count: number;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#sql = prepareAll(database);
    this.#count = this.#sql.count.get()?.["n"] as number;
  }

  /** Adds points to what is there. Nothing is written when one of them needs a series that there is no room for. */
  put(data: readonly MetricPoints[]): typeof noRoom | undefined {
    const rows = new Map<string, { series: number; period: number; at: number; values: Distribution }>();
    for (const point of data) {
      const series = this.#seriesOf(point);
      if (series === undefined) return noRoom;
      const at = Math.floor(point.at / point.resolution) * point.resolution;
      const key = `${series} ${point.resolution} ${at}`;
      const before = rows.get(key)?.values;
      const values = before ? merge(before, point.values) : point.values;
      rows.set(key, { series, period: point.resolution, at, values });
    }
    for (const row of rows.values()) this.add(row.series, row.period, row.at, row.values);
    return undefined;
  }

  /** Adds values to one period of one series. */
  add(series: number, period: number, at: number, values: Distribution): void {
    const before = this.#sql.get.get(series, period, at) as unknown as SampleRow | undefined;
    const all = before ? merge(readSample(before), values) : values;
    this.#sql.put.run(series, period, at, all.count, all.sum, all.min, all.max, encodeSpread(all));
    this.#sql.touch.run(at, series, at);
  }

  /** Metrics that differ only in their unit are one. */
  list(query: MetricQuery): MetricPage {
    const { account, region } = query.scope;
    const where = ["account = ?", "region = ?"];
    const values: (string | number)[] = [account, region];
    const add = (condition: string, ...more: (string | number)[]): void => {
      where.push(condition);
      values.push(...more);
    };
    if (query.namespace !== undefined) add("namespace = ?", query.namespace);
    if (query.name !== undefined) add("name = ?", query.name);
    for (const [name, value] of query.dimensions) {
      const text = value === undefined ? `[${JSON.stringify(name)},` : JSON.stringify([name, value]);
      add("instr(dimensions, ?) > 0", text);
    }
    if (query.activeSince !== undefined) add("last_at >= ?", query.activeSince);
    if (query.after) {
      const { namespace, name, dimensions } = query.after;
      add("(namespace, name, dimensions) > (?, ?, ?)", namespace, name, JSON.stringify(dimensions));
    }
    const sql = `SELECT DISTINCT namespace, name, dimensions FROM series WHERE ${where.join(" AND ")}
      ORDER BY namespace, name, dimensions LIMIT ?`;
    const found = this.#database.prepare(sql).all(...values, query.limit + 1);
    const metrics = found.slice(0, query.limit).map(
      (row): Metric => ({
        namespace: row["namespace"] as string,
        name: row["name"] as string,
        dimensions: JSON.parse(row["dimensions"] as string) as Dimensions,
      }),
    );
    const last = metrics.at(-1);
    return { metrics, ...(found.length > query.limit && last && { next: last }) };
  }

  statistics(query: StatisticsQuery): Period[] {
    const { account, region } = query.scope;
    const key = [account, region, query.namespace, query.name, JSON.stringify(query.dimensions)] as const;
    const all: Period[] = [];
    for (const { id, unit } of this.#sql.units.all(...key) as unknown as { id: number; unit: string }[]) {
      if (query.unit !== undefined && query.unit !== unit) continue;
      for (const [at, values] of this.#periods(id, query)) all.push({ unit, at, values });
    }
    return all.sort((a, b) => a.at - b.at || (a.unit < b.unit ? -1 : 1));
  }

  /** Points that are kept more coarsely than the period would all fall on its beginning, and are left out. */
  #periods(series: number, { from, to, period }: StatisticsQuery): Map<number, Distribution> {
    const periods = new Map<number, Distribution>();
    for (const width of sampleWidths.filter((each) => each <= period)) {
      for (const row of this.#sql.range.iterate(series, width, from, to)) {
        const { at } = row as unknown as { at: number };
        const start = from + Math.floor((at - from) / period) * period;
        const values = readSample(row as unknown as SampleRow);
        const before = periods.get(start);
        periods.set(start, before ? merge(before, values) : values);
      }
    }
    return periods;
  }

  #seriesOf({ scope, namespace, name, dimensions, unit, at }: MetricPoints): number | undefined {
    const key = [scope.account, scope.region, namespace, name, JSON.stringify(dimensions), unit] as const;
    const text = key.join("\0");
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const found = this.#sql.find.get(...key)?.["id"] as number | undefined;
    if (found === undefined && this.#count >= maxSeries) return undefined;
    const id = found ?? Number(this.#sql.create.run(...key, Math.floor(at)).lastInsertRowid);
    if (found === undefined) this.#count++;
    if (this.#known.size >= knownSeries) this.#known.clear();
    this.#known.set(text, id);
    return id;
  }

  /** Series are made inside a transaction, or dropped: what was remembered of them may be wrong. */
  forget(): void {
    this.#known.clear();
    this.#count = this.#sql.count.get()?.["n"] as number;
  }
}

function prepareAll(database: DatabaseSync) {
  const key = "account = ? AND region = ? AND namespace = ? AND name = ? AND dimensions = ?";
  return {
    count: database.prepare("SELECT count(*) AS n FROM series"),
    find: database.prepare(`SELECT id FROM series WHERE ${key} AND unit = ?`),
    units: database.prepare(`SELECT id, unit FROM series WHERE ${key}`),
    create: database.prepare(
      "INSERT INTO series (account, region, namespace, name, dimensions, unit, last_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    ),
    touch: database.prepare("UPDATE series SET last_at = ? WHERE id = ? AND last_at < ?"),
    get: database.prepare("SELECT count, sum, min, max, spread FROM sample WHERE series = ? AND period = ? AND at = ?"),
    put: database.prepare(
      "INSERT OR REPLACE INTO sample (series, period, at, count, sum, min, max, spread) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    range: database.prepare(
      `SELECT at, count, sum, min, max, spread FROM sample WHERE series = ? AND period = ? AND at >= ? AND at < ?`,
    ),
  };
}
