import type { ContentType, ReadOptions } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { readCsv } from "./csv/read-csv.ts";
import { readRecordIo } from "./recordio-protobuf/read-recordio.ts";
import type { Table } from "./rows.ts";
import type { SourceFile } from "./source-file.ts";

/** What a read may use, besides what the algorithm asks of the data. */
export interface ReadResources {
  /** Threads to read with. */
  readonly cpus: number;
  /** What the run may use, where there is a limit. */
  readonly memoryBytes: number | undefined;
  /** Stops reading. */
  readonly signal: AbortSignal;
}

/** Reads files of one content type into one table. */
export async function readTable(
  type: ContentType,
  files: readonly SourceFile[],
  options: ReadOptions & ReadResources,
): Promise<Table> {
  const { format, labelWidth } = formatOf(type, options);
  return await (format === "csv" ? readCsv : readRecordIo)(files, { ...options, labelWidth });
}

/**
 * Which reader a content type wants, and how many labels its rows have.
 * @throws CustomerError when it is none that can be read.
 */
export function formatOf(
  { type, parameters }: ContentType,
  { labelWidth }: Pick<ReadOptions, "labelWidth">,
): { readonly format: "csv" | "recordio"; readonly labelWidth: number } {
  switch (type) {
    case "text/csv":
      return { format: "csv", labelWidth: labelSize(parameters) ?? labelWidth };
    case "application/x-recordio-protobuf":
      return { format: "recordio", labelWidth };
    default:
      throw new CustomerError(
        `Content type '${type}' cannot be read: expected text/csv or application/x-recordio-protobuf.`,
      );
  }
}

/** Reads `text/csv;label_size=N`. */
function labelSize(parameters: ReadonlyMap<string, string>): number | undefined {
  const text = parameters.get("label_size");
  if (text === undefined) return undefined;
  if (!/^\d{1,6}$/.test(text)) throw new CustomerError(`label_size must be a whole number, got '${text}'.`);
  return Number(text);
}
