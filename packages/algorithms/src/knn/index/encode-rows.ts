import { CustomerError } from "../../job/errors.ts";
import { distinct } from "../../kmeans/initial-centres.ts";
import { codewords as wordCount } from "../kernels/layout.ts";
import { strideOf } from "../search/stride.ts";
import type { RowStore } from "./row-store.ts";
import { type TrainingTools, VectorQuantizer, type VectorSource } from "./vector-quantizer.ts";

/** Rows that a codeword is learned from, on average. */
const rowsPerWord = 128;
/** Iterations that FAISS trains product quantizers with. */
const iterations = 25;

/** Rows with the lists that they are in. */
export interface ListedRows {
  readonly rows: RowStore;
  readonly width: number;
  readonly centroids: RowStore;
  /** The list of each row. */
  readonly assigned: Int32Array;
  /** Parts of a row, which divide its width. */
  readonly parts: number;
}

/** What the rows were turned into. */
export interface EncodedRows {
  /** Shape (parts, 256, width / parts). */
  readonly codewords: Float32Array;
  /** Shape (rows, parts). */
  readonly codes: Uint8Array;
}

/** Learns codewords of what rows differ from their centroids by, part by part, and finds those of each row. */
export async function encodeRows(listed: ListedRows, tools: TrainingTools): Promise<EncodedRows> {
  const { rows, width, parts } = listed;
  if (rows.count < wordCount) {
    throw new CustomerError(
      `The sample of the train channel has ${rows.count} row(s); index_type 'faiss.IVFPQ' learns from ${wordCount} at least.`,
    );
  }
  const partWidth = width / parts;
  const codewords = new Float32Array(wordCount * width);
  const codes = new Uint8Array(rows.count * parts);
  const picks = distinct(rows.count, Math.min(rows.count, rowsPerWord * wordCount), tools.random);
  const quantizer = await VectorQuantizer.open(partWidth, wordCount, tools.threads);
  try {
    for (let part = 0; part < parts; part++) {
      const source = residuals(listed, part * partWidth, partWidth);
      const centres = await quantizer.train(
        (i, target, at) => source(picks[i] as number, target, at),
        picks.length,
        iterations,
        tools,
      );
      codewords.set(centres, part * wordCount * partWidth);
      quantizer.assign(centres, source, rows.count, (row, word) => {
        codes[row * parts + part] = word;
      });
    }
    return { codewords, codes };
  } finally {
    await quantizer.close();
  }
}

/** Some features of rows, less those of their centroids. */
function residuals({ rows, width, centroids, assigned }: ListedRows, feature: number, count: number): VectorSource {
  const stride = strideOf(width);
  return (row, target, at) => {
    const list = assigned[row] as number;
    const own = rows.blockOf(row).floats;
    const centre = centroids.blockOf(list).floats;
    const from = rows.placeOf(row) * stride + feature;
    const less = centroids.placeOf(list) * stride + feature;
    for (let j = 0; j < count; j++) target[at + j] = (own[from + j] as number) - (centre[less + j] as number);
  };
}
