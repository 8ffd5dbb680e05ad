import type { KeyObject } from "node:crypto";
import { createSecretKey } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock } from "../../clock.ts";
import { invariant } from "../../errors.ts";
import type { Lease, ListQuery, Page, RecordKey, Store, StoredRecord, Write } from "../store.ts";
import { WriteConflict } from "../store.ts";
import { Watchers } from "../watchers.ts";
import { commitInline, commitInWorker } from "./commit-thread.ts";
import type { EncodedWrite, Stamp, TaskResult } from "./committer.ts";
import { GroupCommit } from "./group-commit.ts";
import type { Branch } from "./list-statement.ts";
import { listStatement, probeLimit, sortColumn } from "./list-statement.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { openForReading, openForWriting } from "./schema.ts";

/** A record's value is text of at most this many bytes: bytes belong into `objects/`. */
const valueLimitBytes = 16 * 1024 * 1024;
/** Prepared statements kept; queries come in a few dozen shapes. */
const statementLimit = 256;

/**
 * Opens (creating where needed) a store in one SQLite file. Reads run on the calling thread, which answers from the
 * page cache in microseconds; commits run on a thread of their own (`inline`: on the calling thread).
 * @throws FormatMismatch when the file is of another format.
 */
export async function openSqliteStore(
  path: string,
  { clock, commit = "worker" }: { clock: Clock; commit?: "worker" | "inline" },
): Promise<Store> {
  // Creates the tables and checks the format, so that a file that cannot be read fails here and not at the first write.
  const first = openForWriting(path);
  try {
    const reader = openForReading(path);
    const thread = commit === "worker" ? commitInWorker(path) : commitInline(path);
    return new SqliteStore(reader, new GroupCommit(thread), clock);
  } finally {
    first.close();
  }
}

class SqliteStore implements Store {
  readonly #reader: DatabaseSync;
  readonly #commits: GroupCommit;
  readonly #clock: Clock;
  readonly #watchers = new Watchers();
  readonly #statements = new Map<string, StatementSync>();
  readonly #tokenKey: KeyObject;

  constructor(reader: DatabaseSync, commits: GroupCommit, clock: Clock) {
    this.#reader = reader;
    this.#commits = commits;
    this.#clock = clock;
    const row = this.#prepare("SELECT value FROM setting WHERE name = 'page-token-key'").get();
    this.#tokenKey = createSecretKey(row?.["value"] as Uint8Array);
  }

  async get<Value>({ kind, account, region, name }: RecordKey): Promise<StoredRecord<Value> | undefined> {
    // Such a name cannot have been written; bound to a statement it would be altered to one that may have been.
    if (!name.isWellFormed()) return undefined;
    const row = this.#prepare(
      "SELECT kind, account, region, name, version, created_at, modified_at, status, value FROM record WHERE kind = ? AND account = ? AND region = ? AND name = ?",
    ).get(kind, account, region, name);
    return row && toRecord<Value>(row as unknown as Row);
  }

  async list<Value>(query: ListQuery): Promise<Page<Value>> {
    invariant(query.limit >= 1 && query.limit <= 1_000, "a page has 1 to 1,000 records");
    const isByName = sortColumn(query) === "name";
    invariant(isByName || (query.after === undefined && query.from === undefined), "name bounds go with name order");
    const position = query.token === undefined ? undefined : decodePageToken(this.#tokenKey, query, query.token);
    const statement = listStatement(query, this.#branches(query), position, query.limit + 1, (probe) => {
      return (this.#prepare(probe.sql).get(...probe.values)?.["rows"] as number) < probeLimit;
    });
    const rows = this.#prepare(statement.sql).all(...statement.values) as unknown as Row[];
    const records = rows.slice(0, query.limit).map((row) => toRecord<Value>(row));
    const last = rows[query.limit - 1];
    if (rows.length <= query.limit || last === undefined) return { records };
    const { name, account, region } = last;
    const end = { sortValue: last[sortColumn(query)], name, account, region };
    return { records, next: encodePageToken(this.#tokenKey, query, end) };
  }

  async write(writes: readonly Write[]): Promise<(StoredRecord | undefined)[]> {
    if (writes.length === 0) return [];
    const now = this.#clock.now();
    const encoded = writes.map(encode);
    const result = await this.#commits.run({ task: "write", now, writes: encoded });
    if (result.result === "conflict") {
      throw new WriteConflict((writes[result.index] as Write).key, result.reason);
    }
    invariant(result.result === "written", "a write is answered with its stamps");
    this.#watchers.notify(writes.map(({ key }) => key));
    return encoded.map((item, index) => written(item, result.stamps[index] as Stamp, now));
  }

  watch(kinds: readonly string[], listener: (key: RecordKey) => void): () => void {
    return this.#watchers.add(kinds, listener);
  }

  async acquireLease(name: string, owner: string, durationMs: number): Promise<Lease | undefined> {
    const result = await this.#commits.run({ task: "acquire", now: this.#clock.now(), name, owner, durationMs });
    const expiresAt = leaseEnd(result);
    return expiresAt === undefined ? undefined : { name, owner, expiresAt };
  }

  async getLease(name: string): Promise<Lease | undefined> {
    const row = this.#prepare("SELECT owner, expires_at FROM lease WHERE name = ? AND expires_at > ?").get(
      name,
      this.#clock.now(),
    );
    return row && { name, owner: row["owner"] as string, expiresAt: row["expires_at"] as number };
  }

  async releaseLease(name: string, owner: string): Promise<void> {
    await this.#commits.run({ task: "release", name, owner });
  }

  async close(): Promise<void> {
    await this.#commits.close();
    if (this.#reader.isOpen) this.#reader.close();
  }

  /** Every exact scope, and status where the query chooses among them, so that each is one range of an index. */
  #branches(query: ListQuery): Branch[] {
    return this.#scopes(query).flatMap((scope): Branch[] => {
      if (query.status !== undefined) {
        return query.statusNot?.includes(query.status) ? [] : [{ ...scope, status: query.status }];
      }
      if (!query.statusNot?.length) return [scope];
      const statuses = this.#statuses(query.kind, scope);
      return statuses.filter((status) => !query.statusNot?.includes(status)).map((status) => ({ ...scope, status }));
    });
  }

  #scopes({ kind, account, region }: ListQuery): Branch[] {
    const accounts = account === undefined ? this.#distinct(kind, "account", []) : [account];
    return accounts.flatMap((each) => {
      const regions = region === undefined ? this.#distinct(kind, "region", [each]) : [region];
      return regions.map((one) => ({ account: each, region: one }));
    });
  }

  #statuses(kind: string, { account, region }: Branch): string[] {
    return this.#distinct(kind, "status", [account, region]);
  }

  /**
   * The values of an index column below the values of the columns before it. Jumps from value to value in the index:
   * the cost follows the number of values, not of records.
   */
  #distinct(kind: string, column: "account" | "region" | "status", before: readonly string[]): string[] {
    const index = column === "status" ? "record_status" : "record_name";
    const fixed = ["kind = ?", "account = ?", "region = ?"].slice(0, 1 + before.length).join(" AND ");
    const from = `SELECT ${column} AS value FROM record INDEXED BY ${index} WHERE ${fixed} AND ${column}`;
    const values: string[] = [];
    let found = this.#prepare(`${from} >= '' ORDER BY ${column} LIMIT 1`).get(kind, ...before);
    while (found) {
      const value = found["value"] as string;
      values.push(value);
      found = this.#prepare(`${from} > ? ORDER BY ${column} LIMIT 1`).get(kind, ...before, value);
    }
    return values;
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      if (this.#statements.size >= statementLimit) this.#statements.clear();
      statement = this.#reader.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

interface Row {
  readonly kind: string;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly version: number;
  readonly created_at: number;
  readonly modified_at: number;
  readonly status: string;
  readonly value: string;
}

function toRecord<Value>(row: Row): StoredRecord<Value> {
  return {
    kind: row.kind,
    account: row.account,
    region: row.region,
    name: row.name,
    version: row.version,
    createdAt: row.created_at,
    modifiedAt: row.modified_at,
    ...(row.status !== "" && { status: row.status }),
    value: JSON.parse(row.value) as Value,
  };
}

function encode(write: Write): EncodedWrite {
  const { kind, account, region, name } = write.key;
  // Text that is not well formed would be stored altered, and two names could become one.
  invariant(name.isWellFormed() && !name.includes("\0"), "a record's name is well-formed text without NUL");
  const version = write.op === "update" || write.op === "delete" ? (write.version ?? -1) : -1;
  if (write.op === "delete") return { op: write.op, kind, account, region, name, version, status: "", value: "" };
  const value = JSON.stringify(write.value) as string | undefined;
  invariant(value !== undefined && value.length <= valueLimitBytes, "a record's value is JSON of at most 16 MiB");
  return { op: write.op, kind, account, region, name, version, status: write.status ?? "", value };
}

/** The record as a later read returns it. Its value is parsed when someone looks: most writers do not. */
function written(item: EncodedWrite, stamp: Stamp, now: number): StoredRecord | undefined {
  if (item.op === "delete") return undefined;
  const { kind, account, region, name, status, value: text } = item;
  let value: unknown;
  return {
    kind,
    account,
    region,
    name,
    version: stamp.version,
    createdAt: stamp.createdAt,
    modifiedAt: now,
    ...(status !== "" && { status }),
    get value() {
      return (value ??= JSON.parse(text) as unknown);
    },
  };
}

function leaseEnd(result: TaskResult): number | undefined {
  invariant(result.result === "lease", "a lease task is answered with a lease");
  return result.expiresAt;
}
