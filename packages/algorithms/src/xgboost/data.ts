import { readdirSync } from "node:fs";
import { basename } from "node:path";
import type { Rows, Table } from "../formats/rows.ts";
import type { Channel } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import type { XGBoostLibrary } from "./library/library.ts";
import { Matrix } from "./library/matrix.ts";
import type { Settings } from "./settings.ts";

/** Rows of a channel with what is known of each. */
export interface DataRows {
  readonly features: Rows;
  readonly labels: Float32Array;
  readonly weights: Float32Array | undefined;
  readonly groups: Uint32Array | undefined;
}

/** A set that is trained on or watched. */
export interface DataSet extends Disposable {
  /** `train`, `validation` */
  readonly name: string;
  readonly matrix: Matrix;
  readonly labels: Float32Array;
  readonly columns: number;
}

const defaultContentType = "text/libsvm";

/**
 * Reads a channel: the label first, and with csv_weights a weight after it.
 * @param featureDim - Columns that the rows must have.
 * @throws CustomerError naming the file and the line.
 */
export async function readRows(channel: Channel, settings: Settings, featureDim?: number): Promise<DataRows> {
  checkContentType(channel);
  checkFiles(channel);
  const isCsv = (channel.contentType?.type ?? "").endsWith("csv");
  const leading = isCsv && settings.csvWeights ? 2 : 1;
  const table = await channel.read({
    labelWidth: 1,
    leadingColumns: leading,
    sniffsDelimiter: true,
    defaultContentType,
    ...(featureDim !== undefined && { featureDim }),
  });
  return leading === 2 ? withWeights(table) : { ...table, weights: table.weights, groups: table.groups };
}

/** Rows of no file, where a host has none of a channel that others have. */
export function noRows(width: number): DataRows {
  const features: Rows = { kind: "dense", count: 0, width, values: new Float32Array(0) };
  return { features, labels: new Float32Array(0), weights: undefined, groups: undefined };
}

/** Gives rows to the library. */
export function dataSet(name: string, rows: DataRows, library: XGBoostLibrary, settings: Settings): DataSet {
  const matrix = Matrix.of(library, rows.features, settings.threads);
  const { labels, weights, groups } = rows;
  matrix.describe({ labels, ...(weights && { weights }), ...(groups && { groups }) });
  // The formats have one label: a time that is known.
  if (settings.objective === "survival:aft") matrix.setBounds(labels, labels);
  return { name, matrix, labels, columns: rows.features.width, [Symbol.dispose]: () => matrix[Symbol.dispose]() };
}

function withWeights({ features, labels: pairs }: Table): DataRows {
  const count = features.count;
  const labels = new Float32Array(count);
  const weights = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    labels[row] = pairs[row * 2] as number;
    weights[row] = pairs[row * 2 + 1] as number;
  }
  return { features, labels, weights, groups: undefined };
}

function checkContentType({ name, contentType, directory }: Channel): void {
  const size = contentType?.parameters.get("label_size");
  if (size !== undefined && size !== "1") {
    throw new CustomerError(`Channel '${name}': label_size must be 1, and ContentType says ${size}.`);
  }
  const isLibsvm = (contentType?.type ?? defaultContentType).endsWith("libsvm");
  if (directory === undefined && isLibsvm) {
    throw new CustomerError(`Channel '${name}': Pipe mode is not supported for libsvm. Use File or FastFile mode.`);
  }
}

/** As deep as the service looks. */
const maxFolders = 3;

function checkFiles({ name, directory }: Channel): void {
  if (directory === undefined) return;
  let paths: string[];
  try {
    paths = readdirSync(directory, { recursive: true, encoding: "utf8" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // no files: told by the reader
    throw error;
  }
  const hidden = paths.find((path) => basename(path).startsWith("."));
  if (hidden !== undefined) {
    throw new CustomerError(`Channel '${name}' has the hidden file ${hidden}. Remove it before training.`);
  }
  const deep = paths.find((path) => path.split("/").length > maxFolders + 1);
  if (deep !== undefined) {
    throw new CustomerError(`Channel '${name}' has folders more than ${maxFolders} deep: ${deep}.`);
  }
}
