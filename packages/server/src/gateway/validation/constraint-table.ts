import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";

/**
 * The limits of one shape, as `scripts/generate-constraints.py` writes them. Shapes without limits are not in the
 * table; a reference to one is the empty text.
 */
export interface Constraint {
  /** Structure: member -> shape. */
  readonly s?: Readonly<Record<string, string>>;
  /** Structure: required members. */
  readonly r?: readonly string[];
  /** List: the elements' shape. */
  readonly l?: string;
  /** Map: the keys' and the values' shape. */
  readonly k?: string;
  readonly v?: string;
  /** Smallest and largest: characters of a text, elements of a list or map, or a number's value. */
  readonly n?: number;
  readonly x?: number;
  /** A number without a fraction. */
  readonly i?: 1;
  /** Java regular expression that the whole text must match. */
  readonly p?: string;
  readonly e?: readonly string[];
  /** The value must not be repeated in messages. */
  readonly z?: 1;
}

export interface ConstraintTable {
  /** Version of the models that the table was made from. */
  readonly botocore: string;
  /** Operation -> input shape. */
  readonly operations: Readonly<Record<string, string>>;
  readonly shapes: Readonly<Record<string, Constraint>>;
}

const folder = new URL("../constraints/", import.meta.url);
const tables = new Map<string, ConstraintTable | undefined>();

/** The service's table; `undefined` when it has none (S3 checks its own arguments, in other words). */
export function tableIfLoaded(service: string): { readonly table: ConstraintTable | undefined } | undefined {
  return tables.has(service) ? { table: tables.get(service) } : undefined;
}

/** Reads the service's table, on its first request. */
export async function loadTable(service: string): Promise<ConstraintTable | undefined> {
  const file = new URL(`${service}.json`, folder);
  const table = existsSync(file) ? (JSON.parse(await readFile(file, "utf8")) as ConstraintTable) : undefined;
  tables.set(service, table);
  return table;
}
