import { readThrift, type ThriftStruct, type ThriftValue } from "./thrift.ts";

/** Parquet's numbers of physical types. */
export const physical = { boolean: 0, int32: 1, int64: 2, int96: 3, float: 4, double: 5, bytes: 6, fixed: 7 } as const;

/** A column of a file, and how its values are kept. */
export interface ParquetColumn {
  readonly name: string;
  readonly type: number;
  /** Whether values may be missing. */
  readonly optional: boolean;
  /** What whole numbers are divided by: decimals are kept so. */
  readonly divisor: number;
  /** Whether whole numbers have no sign. */
  readonly unsigned: boolean;
  /** What one unit of whole numbers is in milliseconds, where they are points in time since 1970. */
  readonly timeUnit?: number;
}

/** Where the values of one column lie, for one group of rows. */
export interface ColumnChunk {
  readonly begin: number;
  readonly size: number;
  readonly codec: number;
}

/** Rows that are kept together. */
export interface RowGroup {
  readonly rows: number;
  /** One for each column. */
  readonly chunks: readonly ColumnChunk[];
}

export interface FileMetadata {
  readonly columns: readonly ParquetColumn[];
  readonly groups: readonly RowGroup[];
  readonly rows: number;
}

/** Why a file cannot be read as rows of numbers. */
export class ParquetFault extends Error {
  override readonly name = "ParquetFault";
}

const unsignedTypes = new Set([11, 12, 13, 14]);
const decimalType = 5;

/**
 * Reads what a file says of itself at its end (Apache Parquet, parquet.thrift).
 * @param takesText - Whether columns may hold text besides numbers.
 * @throws ParquetFault.
 */
export function readMetadata(footer: Buffer, takesText = false): FileMetadata {
  const { value } = readThrift(footer, 0);
  const [, ...elements] = structs(value.get(2));
  const columns = elements.map((element) => columnOf(element, takesText));
  const groups = structs(value.get(4)).map((group) => ({
    rows: integer(group.get(3)),
    chunks: structs(group.get(1)).map(chunkOf),
  }));
  for (const { chunks } of groups) {
    if (chunks.length !== columns.length) throw new ParquetFault("its groups of rows have other columns than the file");
  }
  return { columns, groups, rows: groups.reduce((sum, { rows }) => sum + rows, 0) };
}

function columnOf(element: ThriftStruct, takesText: boolean): ParquetColumn {
  const name = text(element.get(4));
  const repetition = element.get(3);
  if ((element.get(5) ?? 0) !== 0 || element.get(1) === undefined || repetition === 2) {
    throw new ParquetFault(`column '${name}' holds lists or structures; columns must hold numbers`);
  }
  const type = integer(element.get(1));
  const converted = element.get(6);
  const isText = type === physical.bytes || type === physical.fixed;
  if ((isText && !(takesText && type === physical.bytes)) || type === physical.int96) {
    throw new ParquetFault(
      `column '${name}' holds ${type === physical.int96 ? "times" : "text"}; columns must hold numbers`,
    );
  }
  return {
    name,
    type,
    optional: repetition === 1,
    divisor: converted === decimalType ? 10 ** integer(element.get(7) ?? 0) : 1,
    unsigned: typeof converted === "number" && unsignedTypes.has(converted),
    ...timeUnitOf(converted, element.get(10)),
  };
}

const dayMs = 86_400_000;
/** Converted types that are points in time, and their units in milliseconds: dates, and times of day and date. */
const timeUnits = new Map([
  [6, dayMs],
  [9, 1],
  [10, 1e-3],
]);

/** Nanoseconds have no converted type: the logical one says so (TIMESTAMP is its member 8, NANOS the unit's 3). */
function timeUnitOf(converted: ThriftValue | undefined, logical: ThriftValue | undefined): { timeUnit?: number } {
  const known = typeof converted === "number" ? timeUnits.get(converted) : undefined;
  if (known !== undefined) return { timeUnit: known };
  const timestamp = logical instanceof Map ? logical.get(8) : undefined;
  const unit = timestamp instanceof Map ? timestamp.get(2) : undefined;
  if (!(unit instanceof Map)) return {};
  return { timeUnit: unit.has(3) ? 1e-6 : unit.has(2) ? 1e-3 : 1 };
}

function chunkOf(chunk: ThriftStruct): ColumnChunk {
  const about = chunk.get(3);
  if (!(about instanceof Map)) throw new ParquetFault("a column has no description");
  const data = integer(about.get(9));
  const dictionary = about.get(11);
  const begin = dictionary === undefined ? data : Math.min(data, integer(dictionary));
  return { begin, size: integer(about.get(7)), codec: integer(about.get(4)) };
}

/** A structure's list of structures. */
function structs(value: ThriftValue | undefined): ThriftStruct[] {
  const list = Array.isArray(value) ? (value as ThriftValue[]) : [];
  return list.filter((each): each is ThriftStruct => each instanceof Map);
}

export function integer(value: ThriftValue | undefined): number {
  if (typeof value !== "number" && typeof value !== "bigint") throw new ParquetFault("it lacks a number");
  return Number(value);
}

function text(value: ThriftValue | undefined): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : "";
}
