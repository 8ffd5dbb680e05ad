import { CustomerError } from "../../job/errors.ts";
import { encoding, readRuns } from "./encodings.ts";
import {
  type FileMetadata,
  integer,
  type ParquetColumn,
  ParquetFault,
  physical,
  readMetadata,
} from "./file-metadata.ts";
import { type DataPage, readColumn, readPages } from "./read-column.ts";

/** Columns of a Parquet file as text; missing values are empty. */
export interface TextColumns {
  readonly names: readonly string[];
  readonly count: number;
  readonly columns: readonly (readonly string[])[];
}

/**
 * Reads a whole Parquet file of numbers, text, dates and times into text: numbers as JavaScript writes them, points in
 * time in ISO 8601, truth values as `true` and `false`.
 * @param file - Its name, for errors.
 * @throws CustomerError naming the file, and the column where it is one, that cannot be read.
 */
export function readTextParquet(content: Buffer, file: string): TextColumns {
  try {
    const metadata = metadataOf(content);
    const columns = metadata.columns.map((column, index) => columnText(content, metadata, column, index));
    return { names: metadata.columns.map(({ name }) => name), count: metadata.rows, columns };
  } catch (error) {
    const isCompression = /^(Z_|ERR__|ERR_BUFFER|ZSTD_)/.test(String((error as NodeJS.ErrnoException).code));
    if (!(error instanceof ParquetFault || error instanceof RangeError || isCompression)) throw error;
    throw new CustomerError(`${file} cannot be read as Parquet: ${(error as Error).message}.`, { cause: error });
  }
}

function metadataOf(content: Buffer): FileMetadata {
  const end = content.length;
  if (end < 12 || content.toString("latin1", end - 4) !== "PAR1") throw new ParquetFault("it does not end with PAR1");
  const length = content.readUInt32LE(end - 8);
  if (length > end - 12) throw new ParquetFault("its description is longer than the file");
  return readMetadata(content.subarray(end - 8 - length, end - 8), true);
}

function columnText(content: Buffer, { groups }: FileMetadata, column: ParquetColumn, index: number): string[] {
  const all: string[] = [];
  for (const { rows, chunks } of groups) {
    const chunk = chunks[index] as (typeof chunks)[number];
    const bytes = content.subarray(chunk.begin, chunk.begin + chunk.size);
    if (column.type === physical.bytes) {
      textGroup(bytes, column, chunk.codec, rows, all);
      continue;
    }
    const values = new Float64Array(rows);
    readColumn(bytes, column, chunk, rows, { values, offset: 0, stride: 1 });
    for (const value of values) all.push(numberText(value, column));
  }
  return all;
}

function numberText(value: number, { type, timeUnit }: ParquetColumn): string {
  if (Number.isNaN(value)) return "";
  if (type === physical.boolean) return value === 1 ? "true" : "false";
  if (timeUnit === undefined) return type === physical.float ? shortest(value) : String(value);
  const time = new Date(value * timeUnit);
  return Number.isNaN(time.getTime()) ? "" : time.toISOString().slice(0, 19);
}

/** The fewest digits that a number of single precision is known by. */
function shortest(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(value);
}

function textGroup(bytes: Buffer, column: ParquetColumn, codec: number, rows: number, into: string[]): void {
  let dictionary: readonly string[] | undefined;
  readPages(bytes, column, codec, rows, {
    dictionary: (values, count) => {
      dictionary = plainText(values, count, column);
    },
    data: (page) => {
      const have = page.present === undefined ? page.count : page.present.reduce((sum, each) => sum + each, 0);
      const values = decodeText(page, column, have, dictionary);
      for (let i = 0, next = 0; i < page.count; i++) {
        into.push(page.present === undefined || page.present[i] === 1 ? (values[next++] as string) : "");
      }
    },
  });
}

function decodeText(
  page: DataPage,
  column: ParquetColumn,
  count: number,
  dictionary: readonly string[] | undefined,
): readonly string[] {
  if (page.encoding === encoding.plain) return plainText(page.values, count, column);
  if (page.encoding !== encoding.plainDictionary && page.encoding !== encoding.rleDictionary) {
    throw new ParquetFault(`column '${column.name}' has encoding ${page.encoding}, which is not read here for text`);
  }
  if (dictionary === undefined) throw new ParquetFault(`column '${column.name}' lacks its dictionary`);
  if (count === 0) return [];
  const { values: codes } = readRuns(page.values, 1, page.values.readUInt8(0), count);
  return Array.from(codes, (code) => {
    const text = dictionary?.[code];
    if (text === undefined) throw new ParquetFault(`column '${column.name}' names a value that its dictionary lacks`);
    return text;
  });
}

/** Texts with their lengths before them. */
function plainText(bytes: Buffer, count: number, column: ParquetColumn): string[] {
  const texts: string[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = integer(bytes.readUInt32LE(at));
    at += 4;
    if (at + length > bytes.length) throw new ParquetFault(`column '${column.name}' goes past its end`);
    texts.push(bytes.toString("utf8", at, at + length));
    at += length;
  }
  return texts;
}
