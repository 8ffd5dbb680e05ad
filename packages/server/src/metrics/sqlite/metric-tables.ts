import { DatabaseSync } from "node:sqlite";
import { OperatorError } from "../../errors.ts";

/** Version of the tables. A change that an older server cannot read raises it and migrates on opening. */
const metricFormat = 1;

/**
 * `sample` holds what came in one period of one series, clustered by series and time: a chart reads one range. Most rows
 * are 40 bytes; `spread` is there only where values differ. `log_position` and `last_value` change in the transaction that
 * adds the samples they stand for, so that a line counts once whatever dies.
 */
const tables = `
  CREATE TABLE series (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    dimensions TEXT NOT NULL, unit TEXT NOT NULL, last_at INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX series_name ON series (account, region, namespace, name, dimensions, unit);
  CREATE TABLE sample (
    series INTEGER NOT NULL, period INTEGER NOT NULL, at INTEGER NOT NULL,
    count REAL NOT NULL, sum REAL NOT NULL, min REAL NOT NULL, max REAL NOT NULL, spread BLOB,
    PRIMARY KEY (series, period, at)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE log_position (
    file TEXT PRIMARY KEY NOT NULL, owner TEXT NOT NULL, offset INTEGER NOT NULL, dropped TEXT NOT NULL,
    read_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX log_position_owner ON log_position (owner);
  CREATE TABLE last_value (
    owner TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, value REAL NOT NULL,
    PRIMARY KEY (owner, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE run_metric (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, run TEXT NOT NULL, name TEXT NOT NULL,
    points INTEGER NOT NULL, last_at INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX run_metric_name ON run_metric (account, region, run, name);
  CREATE TABLE step (
    metric INTEGER NOT NULL, at INTEGER NOT NULL, step INTEGER NOT NULL, value REAL NOT NULL,
    PRIMARY KEY (metric, at, step)
  ) STRICT, WITHOUT ROWID;
`;

/** Opens the database of metrics, and makes it where it is missing. @throws OperatorError when a newer server made it. */
export function openMetricTables(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA busy_timeout = 10000");
    database.exec("PRAGMA journal_mode = WAL");
    // An acknowledged point is on the disk, not only in the kernel.
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA journal_size_limit = 16777216");
    const version = database.prepare("PRAGMA user_version").get()?.["user_version"] as number;
    if (version > metricFormat) {
      throw new OperatorError(`${path} has format ${version}; this version of Sagebrush reads ${metricFormat}.`);
    }
    if (version === 0) {
      database.exec("BEGIN IMMEDIATE");
      database.exec(tables);
      database.exec(`PRAGMA user_version = ${metricFormat}`);
      database.exec("COMMIT");
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
