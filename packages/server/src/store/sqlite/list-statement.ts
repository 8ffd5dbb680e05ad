import type { ListQuery } from "../store.ts";
import type { Position } from "./page-token.ts";

/** One exact beginning of an index: a scope, and a status where the query chooses among statuses. */
export interface Branch {
  readonly account: string;
  readonly region: string;
  readonly status?: string;
}

/** A statement and what to bind to it. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

type SortColumn = "name" | "created_at" | "modified_at" | "status";

/** Above this a query is answered by one statement that sorts, instead of by one range per branch. */
const branchLimit = 64;

/** Records that are read and sorted for one page at most; a longer span is met often enough along the list's order. */
export const probeLimit = 5_000;

const columns = "kind, account, region, name, version, created_at, modified_at, status, value";

/** The column that a query sorts by first. */
export function sortColumn({ sortBy = "name" }: ListQuery): SortColumn {
  switch (sortBy) {
    case "name":
      return "name";
    case "created":
      return "created_at";
    case "modified":
      return "modified_at";
    case "status":
      return "status";
  }
}

/**
 * Writes the statement for one page: each branch is a range of one index, already in order, and several are merged.
 * @param branches - Every scope (and status) that the query covers.
 * @param position - Where the page before ended.
 * @param isFew - Runs a count of the records in a span of time (`probeLimit` at most) and says whether they are few.
 */
export function listStatement(
  query: ListQuery,
  branches: readonly Branch[],
  position: Position | undefined,
  limit: number,
  isFew: (probe: Statement) => boolean = () => false,
): Statement {
  if (branches.length > branchLimit) return sortingStatement(query, position, limit);
  const parts = branches.flatMap((branch) => branchStatement(query, branch, position, limit, isFew) ?? []);
  const [first] = parts;
  if (first === undefined) return { sql: `SELECT ${columns} FROM record WHERE 0`, values: [] };
  if (parts.length === 1) return first;
  const union = parts.map(({ sql }) => `SELECT * FROM (${sql})`).join(" UNION ALL ");
  return {
    sql: `${union} ORDER BY ${fullOrder(query)} LIMIT ?`,
    values: [...parts.flatMap(({ values }) => values), limit],
  };
}

/** Text order of every backend: by bytes of UTF-8. JavaScript's own `<` orders by UTF-16 units, which differs. */
export function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}

function branchStatement(
  query: ListQuery,
  branch: Branch,
  position: Position | undefined,
  limit: number,
  isFew: (probe: Statement) => boolean,
): Statement | undefined {
  const column = sortColumn(query);
  // With the status fixed, ordering by status is ordering by name.
  const ordered = column === "status" && branch.status !== undefined ? "name" : column;
  const where = branchConditions(query, branch);
  if (position) {
    const isAfter = continueBranch(where, query, branch, position, ordered);
    if (!isAfter) return undefined;
  }
  addFilters(where, query, position && column);
  const direction = query.descending ? "DESC" : "ASC";
  const order = ordered === "name" ? `name ${direction}` : `${ordered} ${direction}, name ${direction}`;
  const driving = spanColumns(query, ordered).find((span) => isFew(probe(query, branch, span))) ?? ordered;
  if (driving !== "name" && driving !== "status") statePartial(where, branch);
  const sql = `SELECT ${columns} FROM record INDEXED BY ${indexFor(driving, branch.status)} WHERE ${where.sql} ORDER BY ${order} LIMIT ?`;
  return { sql, values: [...where.values, limit] };
}

function branchConditions(query: ListQuery, branch: Branch): Conditions {
  const where = new Conditions();
  where.add("kind = ?", query.kind);
  where.add("account = ?", branch.account);
  where.add("region = ?", branch.region);
  if (branch.status !== undefined) where.add("status = ?", branch.status);
  return where;
}

/** States for the planner what makes a partial index usable: it holds only records with a status. */
function statePartial(where: Conditions, branch: Branch): void {
  if (branch.status !== undefined && branch.status !== "") where.add("status <> ''");
}

/** Columns of time that the query bounds without sorting by them: a small span is better found than met. */
function spanColumns(query: ListQuery, ordered: SortColumn): ("created_at" | "modified_at")[] {
  const isCreated = query.createdAfter !== undefined || query.createdBefore !== undefined;
  const isModified = query.modifiedAfter !== undefined || query.modifiedBefore !== undefined;
  return [
    ...(isCreated && ordered !== "created_at" ? ["created_at" as const] : []),
    ...(isModified && ordered !== "modified_at" ? ["modified_at" as const] : []),
  ];
}

/** Counts what the span of `column` holds, from its index alone and no further than the limit. */
function probe(query: ListQuery, branch: Branch, column: "created_at" | "modified_at"): Statement {
  const where = branchConditions(query, branch);
  statePartial(where, branch);
  const { createdAfter, createdBefore, modifiedAfter, modifiedBefore } = query;
  const [after, before] = column === "created_at" ? [createdAfter, createdBefore] : [modifiedAfter, modifiedBefore];
  if (after !== undefined) where.add(`${column} > ?`, after);
  if (before !== undefined) where.add(`${column} < ?`, before);
  const rows = `SELECT 1 FROM record INDEXED BY ${indexFor(column, branch.status)} WHERE ${where.sql} LIMIT ${probeLimit}`;
  return { sql: `SELECT count(*) AS rows FROM (${rows})`, values: where.values };
}

/** Adds the condition that continues behind `position`. @returns Whether anything of the branch can lie behind it. */
function continueBranch(
  where: Conditions,
  query: ListQuery,
  branch: Branch,
  position: Position,
  ordered: SortColumn,
): boolean {
  const sign = query.descending ? -1 : 1;
  if (branch.status !== undefined && sortColumn(query) === "status") {
    const status = sign * compareText(branch.status, String(position.sortValue));
    if (status !== 0) return status > 0;
  }
  // Records with the same sort value and name in several scopes are ordered by scope.
  const scope = sign * (compareText(branch.account, position.account) || compareText(branch.region, position.region));
  const operator = `${query.descending ? "<" : ">"}${scope > 0 ? "=" : ""}`;
  if (ordered === "name") where.add(`name ${operator} ?`, position.name);
  else where.add(`(${ordered}, name) ${operator} (?, ?)`, position.sortValue, position.name);
  return true;
}

function indexFor(ordered: SortColumn, status: string | undefined): string {
  switch (ordered) {
    case "name":
      return status === undefined ? "record_name" : "record_status";
    case "created_at":
      return status === undefined || status === "" ? "record_created" : "record_status_created";
    case "modified_at":
      return status === undefined || status === "" ? "record_modified" : "record_status_modified";
    case "status":
      return "record_status";
  }
}

/**
 * Adds what the query filters by, status and scope aside.
 * @param continued - The sort column, when a position already bounds it. A second bound on the same side would let
 * SQLite begin the range at the weaker one and read up to the position.
 */
function addFilters(where: Conditions, query: ListQuery, continued?: SortColumn): void {
  const boundsBelow = !query.descending;
  const range = (column: SortColumn, side: "below" | "above", operator: string, value: string | number | undefined) => {
    if (value === undefined) return;
    if (continued === column && boundsBelow === (side === "below")) return;
    where.add(`${column} ${operator} ?`, value);
  };
  const names = nameRange(query);
  if (names.lower) range("name", "below", names.lower.isExclusive ? ">" : ">=", names.lower.name);
  range("name", "above", "<", names.upper);
  range("created_at", "below", ">", query.createdAfter);
  range("created_at", "above", "<", query.createdBefore);
  range("modified_at", "below", ">", query.modifiedAfter);
  range("modified_at", "above", "<", query.modifiedBefore);
  if (query.nameContains !== undefined) where.add("instr(name, ?) > 0", query.nameContains);
}

interface NameRange {
  readonly lower?: { readonly name: string; readonly isExclusive: boolean };
  readonly upper?: string;
}

/** Folds `prefix`, `from` and `after` into one range, so that the index range begins at the strongest of them. */
function nameRange({ prefix, from, after }: ListQuery): NameRange {
  const lowers: { name: string; isExclusive: boolean }[] = [];
  if (prefix) lowers.push({ name: prefix, isExclusive: false });
  if (from !== undefined) lowers.push({ name: from, isExclusive: false });
  if (after !== undefined) lowers.push({ name: after, isExclusive: true });
  lowers.sort((a, b) => compareText(b.name, a.name) || Number(b.isExclusive) - Number(a.isExclusive));
  const upper = prefix ? successor(prefix) : undefined;
  return { ...(lowers[0] && { lower: lowers[0] }), ...(upper !== undefined && { upper }) };
}

/** The least text above every text that begins with `prefix`; `undefined` when there is none. */
export function successor(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10_ff_ff) continue;
    // Surrogates are no characters: U+D7FF is followed by U+E000, in UTF-8 as in the order of code points.
    points.push(last === 0xd7_ff ? 0xe0_00 : last + 1);
    return String.fromCodePoint(...points);
  }
  return undefined;
}

function fullOrder(query: ListQuery): string {
  const direction = query.descending ? "DESC" : "ASC";
  const order = [...new Set([sortColumn(query), "name", "account", "region"])];
  return order.map((column) => `${column} ${direction}`).join(", ");
}

/** The plain form, for queries over more scopes than one statement can merge: right, but it reads every match. */
function sortingStatement(query: ListQuery, position: Position | undefined, limit: number): Statement {
  const where = new Conditions();
  where.add("kind = ?", query.kind);
  if (query.account !== undefined) where.add("account = ?", query.account);
  if (query.region !== undefined) where.add("region = ?", query.region);
  if (query.status !== undefined) where.add("status = ?", query.status);
  if (query.statusNot?.length) {
    where.add(`status NOT IN (${query.statusNot.map(() => "?").join(", ")})`, ...query.statusNot);
  }
  if (position) {
    const { sortValue, name, account, region } = position;
    const operator = query.descending ? "<" : ">";
    where.add(
      `(${sortColumn(query)}, name, account, region) ${operator} (?, ?, ?, ?)`,
      sortValue,
      name,
      account,
      region,
    );
  }
  addFilters(where, query);
  return {
    sql: `SELECT ${columns} FROM record WHERE ${where.sql} ORDER BY ${fullOrder(query)} LIMIT ?`,
    values: [...where.values, limit],
  };
}

class Conditions {
  readonly values: (string | number)[] = [];
  readonly #parts: string[] = [];

  get sql(): string {
    return this.#parts.join(" AND ");
  }

  add(part: string, ...values: (string | number)[]): void {
    this.#parts.push(part);
    this.values.push(...values);
  }
}
