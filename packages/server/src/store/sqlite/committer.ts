import type { DatabaseSync } from "node:sqlite";

/** A `Write` with its value as text: what crosses to the commit thread. */
export interface EncodedWrite {
  readonly op: "create" | "put" | "update" | "delete";
  readonly kind: string;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  /** The version that must be there; -1 for any. */
  readonly version: number;
  /** '' for none. */
  readonly status: string;
  readonly value: string;
}

/** What waits for the next commit. */
export type Task =
  | { readonly task: "write"; readonly now: number; readonly writes: readonly EncodedWrite[] }
  | {
      readonly task: "acquire";
      readonly now: number;
      readonly name: string;
      readonly owner: string;
      readonly durationMs: number;
    }
  | { readonly task: "release"; readonly name: string; readonly owner: string };

/** Columns that the commit decided. */
export interface Stamp {
  readonly version: number;
  readonly createdAt: number;
}

export type TaskResult =
  | { readonly result: "written"; readonly stamps: readonly Stamp[] }
  | { readonly result: "conflict"; readonly index: number; readonly reason: "exists" | "absent" | "version" }
  | { readonly result: "lease"; readonly expiresAt: number | undefined };

/** Commits batches of tasks on one connection. */
export interface Committer {
  /**
   * Runs every task and commits them together; a task that meets a conflict has no effect and the others go on.
   * @throws What SQLite throws (disk full, I/O error): then nothing of the batch was written.
   */
  commit(tasks: readonly Task[]): TaskResult[];
}

type Outcome = Stamp | "exists" | "absent" | "version";

/** Makes a committer with its statements prepared. */
export function createCommitter(database: DatabaseSync): Committer {
  const sql = prepareAll(database);

  function write(item: EncodedWrite, now: number): Outcome {
    const { kind, account, region, name, status, value, version } = item;
    switch (item.op) {
      case "create": {
        const { changes } = sql.create.run(kind, account, region, name, now, now, status, value);
        return changes === 0 ? "exists" : { version: 1, createdAt: now };
      }
      case "put": {
        const row = sql.put.get(kind, account, region, name, now, now, status, value);
        return stamp(row as unknown as Row);
      }
      case "update": {
        const row = sql.update.get(now, status, value, kind, account, region, name, version, version);
        return row ? stamp(row as unknown as Row) : missing(item);
      }
      case "delete": {
        const { changes } = sql.remove.run(kind, account, region, name, version, version);
        return changes === 0 ? missing(item) : { version: 0, createdAt: 0 };
      }
    }
  }

  function missing({ kind, account, region, name }: EncodedWrite): Outcome {
    return sql.exists.get(kind, account, region, name) ? "version" : "absent";
  }

  function writeAll(writes: readonly EncodedWrite[], now: number): TaskResult {
    // A single statement is atomic by itself; a savepoint would only cost time.
    const isCompound = writes.length > 1;
    if (isCompound) sql.savepoint.run();
    const stamps: Stamp[] = [];
    for (const [index, item] of writes.entries()) {
      const outcome = write(item, now);
      if (typeof outcome === "string") {
        if (isCompound) {
          sql.rollbackTo.run();
          sql.releaseSavepoint.run();
        }
        return { result: "conflict", index, reason: outcome };
      }
      stamps.push(outcome);
    }
    if (isCompound) sql.releaseSavepoint.run();
    return { result: "written", stamps };
  }

  function run(task: Task): TaskResult {
    switch (task.task) {
      case "write":
        return writeAll(task.writes, task.now);
      case "acquire": {
        const row = sql.acquire.get(task.name, task.owner, task.now + task.durationMs, task.now);
        return { result: "lease", expiresAt: row ? (row["expires_at"] as number) : undefined };
      }
      case "release":
        sql.release.run(task.name, task.owner);
        return { result: "lease", expiresAt: undefined };
    }
  }

  return {
    commit(tasks) {
      sql.begin.run();
      try {
        const results = tasks.map(run);
        sql.commit.run();
        return results;
      } catch (error) {
        // Some failures (disk full) have rolled the transaction back already.
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
  };
}

interface Row {
  version: number;
  created_at: number;
}

function stamp(row: Row): Stamp {
  return { version: row.version, createdAt: row.created_at };
}

function prepareAll(database: DatabaseSync) {
  const key = "kind = ? AND account = ? AND region = ? AND name = ?";
  const insert =
    "INSERT INTO record (kind, account, region, name, version, created_at, modified_at, status, value) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)";
  return {
    begin: database.prepare("BEGIN IMMEDIATE"),
    commit: database.prepare("COMMIT"),
    savepoint: database.prepare("SAVEPOINT task"),
    rollbackTo: database.prepare("ROLLBACK TO task"),
    releaseSavepoint: database.prepare("RELEASE task"),
    create: database.prepare(`${insert} ON CONFLICT DO NOTHING`),
    put: database.prepare(`${insert} ON CONFLICT (kind, account, region, name) DO UPDATE SET
      version = version + 1, modified_at = excluded.modified_at, status = excluded.status, value = excluded.value
      RETURNING version, created_at`),
    update: database.prepare(`UPDATE record SET version = version + 1, modified_at = ?, status = ?, value = ?
      WHERE ${key} AND (version = ? OR ? = -1) RETURNING version, created_at`),
    remove: database.prepare(`DELETE FROM record WHERE ${key} AND (version = ? OR ? = -1)`),
    exists: database.prepare(`SELECT 1 FROM record WHERE ${key}`),
    acquire: database.prepare(`INSERT INTO lease (name, owner, expires_at) VALUES (?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
      WHERE lease.owner = excluded.owner OR lease.expires_at <= ? RETURNING expires_at`),
    release: database.prepare("DELETE FROM lease WHERE name = ? AND owner = ?"),
  };
}
