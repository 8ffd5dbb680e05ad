import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { gunzipSync } from "node:zlib";
import { readTextParquet } from "../../formats/parquet/read-text-parquet.ts";
import type { Channel } from "../../job/channels.ts";
import { CustomerError } from "../../job/errors.ts";
import { readDelimited } from "./delimited.ts";
import { cleanField, type RawTable } from "./raw-table.ts";

/** Bytes of memory that a byte of a file may take as text in columns, about: what refuses data before it kills the run. */
const memoryPerByte = 6;

/** Bytes of all rows as text: the divided rows are written as one text, which JavaScript ends at half a gigabyte. */
const mostTextBytes = 400e6;

/** How a channel's files are to be read. */
export interface ReadTableOptions {
  readonly memoryBytes: number | undefined;
  /** Bytes that all files may have as text, 400 MB unless said otherwise. */
  readonly mostBytes?: number;
  /** Columns that an earlier channel had. */
  readonly names?: readonly string[];
}

/**
 * Reads all files of a channel, CSV or Parquet, gzipped or not, into one table of text.
 * @throws CustomerError naming the file at fault.
 */
export function readChannel(channel: Channel, options: ReadTableOptions): RawTable {
  const { directory, contentType, name } = channel;
  const { mostBytes = mostTextBytes } = options;
  if (directory === undefined) throw new CustomerError(`Channel '${name}' must be read in File mode.`);
  const files = filesBelow(directory);
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  if (bytes > mostBytes) throw tooLarge(name, mostBytes);
  const room = options.memoryBytes;
  if (room !== undefined && bytes * memoryPerByte > room) {
    throw new CustomerError(
      `Channel '${name}' has ${bytes} bytes, too many for the memory of the instance (${room} bytes).`,
    );
  }
  const isParquet = /parquet/.test(contentType?.type ?? "text/csv");
  // The header is there unless the type says otherwise.
  const hasHeader = (contentType?.parameters.get("header") ?? "present") !== "absent";
  let names = options.names;
  let textBytes = 0;
  const tables: RawTable[] = [];
  for (const path of files) {
    const file = `${name}/${relative(directory, path)}`;
    // Of all files together too: what comes after `mostBytes` is never unpacked.
    const content = contentOf(path, file, mostBytes - textBytes);
    if (content === undefined) throw tooLarge(name, mostBytes);
    if (content.length === 0) continue;
    const table = isParquet
      ? ofParquet(content, file, names)
      : readDelimited(content.toString("utf8"), { file, hasHeader, ...(names && { names }) });
    names = table.names;
    tables.push(table);
    textBytes += isParquet ? textLength(table) : content.length;
    if (textBytes > mostBytes) throw tooLarge(name, mostBytes);
  }
  if (names === undefined || tables.length === 0) {
    throw new CustomerError(`Channel '${name}' has no rows: all of its files are empty.`);
  }
  return joined(names, tables);
}

function tooLarge(name: string, mostBytes: number): CustomerError {
  return new CustomerError(
    `Channel '${name}' has more than ${mostBytes} bytes of rows, unpacked, which is the most that Autopilot reads here.`,
  );
}

/** Parquet says what is equal only once: what it is as text can be far more than the file. */
function textLength({ columns }: RawTable): number {
  return columns.reduce((sum, column) => column.reduce((own, field) => own + field.length + 1, sum), 0);
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** A file's content; `undefined` for an archive of more than `mostBytes`. */
function contentOf(path: string, file: string, mostBytes: number): Buffer | undefined {
  const content = readFileSync(path);
  // A gzip file tells by its first two bytes.
  if (content[0] !== 0x1f || content[1] !== 0x8b) return content;
  try {
    return gunzipSync(content, { maxOutputLength: Math.max(1, mostBytes) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw new CustomerError(`${file} cannot be unpacked: ${(error as Error).message}`, { cause: error });
  }
}

function ofParquet(content: Buffer, file: string, expected: readonly string[] | undefined): RawTable {
  const { names, columns, count } = readTextParquet(content, file);
  if (expected && expected.join("\n") !== names.join("\n")) {
    throw new CustomerError(
      `${file} has the columns ${names.join(", ")} where ${expected.join(", ")} are expected, in this order.`,
    );
  }
  return { names, count, columns: columns.map((column) => column.map(cleanField)) };
}

function joined(names: readonly string[], tables: readonly RawTable[]): RawTable {
  const [first] = tables;
  if (first !== undefined && tables.length === 1) return first;
  const count = tables.reduce((sum, each) => sum + each.count, 0);
  const columns = names.map((_, index) => tables.flatMap(({ columns: own }) => own[index] as string[]));
  return { names, count, columns };
}
