import type { ContentType, ReadOptions } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { readCsv } from "./csv/read-csv.ts";
import { readLibsvm } from "./libsvm/read-libsvm.ts";
import { readParquet } from "./parquet/read-parquet.ts";
import { readRecordIo } from "./recordio-protobuf/read-recordio.ts";
import type { Table } from "./rows.ts";
import type { SourceFile } from "./source-file.ts";
import type { TableLimits } from "./table-memory.ts";

/** What a read may use, besides what the algorithm asks of the data. */
export interface ReadResources extends TableLimits {
  /** Threads to read with. */
  readonly cpus: number;
  /** What the run may use, where there is a limit. */
  readonly memoryBytes: number | undefined;
  /** Stops reading. */
  readonly signal: AbortSignal;
}

const readers = { csv: readCsv, recordio: readRecordIo, parquet: readParquet, libsvm: readLibsvm };

/** How files are read, whatever their content type is called. */
type Format = keyof typeof readers;

/** Reads files of one content type into one table. */
export async function readTable(
  type: ContentType,
  files: readonly SourceFile[],
  options: ReadOptions & ReadResources,
): Promise<Table> {
  const { format, labelWidth } = formatOf(type, options);
  return await readers[format](files, { ...options, labelWidth });
}

/**
 * Which reader a content type wants, and how many labels its rows have.
 * @throws CustomerError when it is none that can be read.
 */
function formatOf(
  { type, parameters }: ContentType,
  { labelWidth, leadingColumns }: Pick<ReadOptions, "labelWidth" | "leadingColumns">,
): { readonly format: Format; readonly labelWidth: number } {
  switch (type) {
    case "text/csv":
    case "csv":
      return { format: "csv", labelWidth: leadingColumns ?? labelSize(parameters) ?? labelWidth };
    case "application/x-recordio-protobuf":
    case "recordio-protobuf":
      return { format: "recordio", labelWidth };
    case "application/x-parquet":
    case "parquet":
      return { format: "parquet", labelWidth };
    case "text/libsvm":
    case "text/x-libsvm":
    case "libsvm":
      return { format: "libsvm", labelWidth };
    default:
      throw new CustomerError(
        `Content type '${type}' cannot be read: expected CSV, libsvm, Parquet or RecordIO-protobuf.`,
      );
  }
}

/**
 * The same for readers of blocks.
 * @throws CustomerError for a format that is only read as a whole.
 */
export function streamFormatOf(
  type: ContentType,
  options: Pick<ReadOptions, "labelWidth" | "leadingColumns" | "hasPairs">,
): { readonly format: "csv" | "recordio" | "pairs"; readonly labelWidth: number } {
  const { format, labelWidth } = formatOf(type, options);
  if (format === "csv" && options.hasPairs === true) return { format: "pairs", labelWidth: 0 };
  if (format === "csv" || format === "recordio") return { format, labelWidth };
  throw new CustomerError(
    `Content type '${type.type}' cannot be read in blocks: expected text/csv or application/x-recordio-protobuf.`,
  );
}

/** Reads `text/csv;label_size=N`. */
function labelSize(parameters: ReadonlyMap<string, string>): number | undefined {
  const text = parameters.get("label_size");
  if (text === undefined) return undefined;
  if (!/^\d{1,6}$/.test(text)) throw new CustomerError(`label_size must be a whole number, got '${text}'.`);
  return Number(text);
}
