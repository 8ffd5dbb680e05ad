import { randomBytes } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { OperatorError } from "../../errors.ts";

/**
 * Version of the database's tables and of the data directory around it. A change that an older server cannot read
 * raises it, adds a migration to `data-directory/migrations.ts` and a fixture of the version before.
 */
export const formatVersion = 1;

/**
 * One row a record. The value stands last, so that reading the other columns of a row never follows overflow pages.
 * `status` is '' for records without one: NULL would sort and compare by rules of its own.
 *
 * Every index begins with the scope and ends with the name, so that each order of a list is a range of one index and
 * a page costs the same wherever it begins. Those that only serve lists filtered by status leave out the records
 * without one, which are most (objects).
 */
const tables = `
  CREATE TABLE record (
    kind TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
    version INTEGER NOT NULL, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL,
    status TEXT NOT NULL, value TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX record_name ON record (kind, account, region, name);
  CREATE INDEX record_created ON record (kind, account, region, created_at, name);
  CREATE INDEX record_modified ON record (kind, account, region, modified_at, name);
  CREATE INDEX record_status ON record (kind, account, region, status, name);
  CREATE INDEX record_status_created ON record (kind, account, region, status, created_at, name) WHERE status <> '';
  CREATE INDEX record_status_modified ON record (kind, account, region, status, modified_at, name) WHERE status <> '';
  CREATE TABLE lease (
    name TEXT PRIMARY KEY NOT NULL, owner TEXT NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE setting (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
`;

/** The database is of a format that this server does not read as it is. */
export class FormatMismatch extends OperatorError {
  override readonly name = "FormatMismatch";
  readonly found: number;

  constructor(found: number) {
    super(
      found > formatVersion
        ? `The data has format ${found}; this version of Sagebrush reads formats up to ${formatVersion}. Use a newer version.`
        : `The data has format ${found} and must be migrated to format ${formatVersion} first.`,
    );
    this.found = found;
  }
}

/** Opens the database for committing: creates its tables when it is empty. @throws FormatMismatch. */
export function openForWriting(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    // A backup in another process holds the write lock for moments (its lease); readers never block a writer.
    database.exec("PRAGMA busy_timeout = 10000");
    database.exec("PRAGMA journal_mode = WAL");
    // An acknowledged commit is on the disk, not only in the kernel.
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA journal_size_limit = 67108864");
    createTables(database);
    const found = readFormat(database);
    if (found !== formatVersion) throw new FormatMismatch(found);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Opens a connection that sees every committed write and writes nothing itself. */
export function openForReading(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA busy_timeout = 10000");
  database.exec("PRAGMA query_only = 1");
  // 16 MiB of pages: the upper levels of every index of a large store.
  database.exec("PRAGMA cache_size = -16384");
  return database;
}

/** Format version of the database; 0 when it has no tables yet. */
export function readFormat(database: DatabaseSync): number {
  return database.prepare("PRAGMA user_version").get()?.["user_version"] as number;
}

function createTables(database: DatabaseSync): void {
  if (readFormat(database) !== 0) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have been faster; inside the transaction the answer is certain.
    if (readFormat(database) === 0) {
      database.exec(tables);
      const insert = database.prepare("INSERT INTO setting (name, value) VALUES (?, ?)");
      insert.run("page-token-key", randomBytes(32));
      database.exec(`PRAGMA user_version = ${formatVersion}`);
    }
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
