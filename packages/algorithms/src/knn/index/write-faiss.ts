import { codewords as wordCount } from "../kernels/layout.ts";
import type { Metric } from "../search/scanner.ts";
import { strideOf } from "../search/stride.ts";
import type { RowStore } from "./row-store.ts";
import type { IvfFlatIndex, IvfPqIndex, VectorIndex } from "./vector-index.ts";

/** FAISS writes this number where an older version had a use for it. */
const unused = 1n << 20n;
/** Numbers of its `MetricType`. */
export const metricNumbers: Readonly<Record<Metric, number>> = { INNER_PRODUCT: 0, L2: 1 };
/** Four-letter names of its indexes of rows as they are. */
export const flatNames: Readonly<Record<Metric, string>> = { INNER_PRODUCT: "IxFI", L2: "IxF2" };
const bitsOfCode = 8;

/**
 * An index as `faiss.write_index` writes it, piece by piece. Numbers are little-endian, sizes of 64 bits.
 * @see faiss/impl/index_write.cpp of the library, whose `read_index` opens it.
 */
export function* writeFaiss(index: VectorIndex): Generator<Uint8Array> {
  if (index.kind === "flat") {
    yield* flat(index.metric, index.width, index.rows);
    return;
  }
  yield name(index.kind === "ivf-flat" ? "IwFl" : "IwPQ");
  yield header(index.width, index.rows.count, index.metric);
  yield sizes([index.centroids.count, index.probes]);
  yield* flat(index.metric, index.width, index.centroids);
  yield Buffer.from([0]); // no map from ids to places
  yield sizes([0]);
  if (index.kind === "ivf-pq") yield* quantizer(index);
  yield* lists(index);
}

function* flat(metric: Metric, width: number, rows: RowStore): Generator<Uint8Array> {
  yield name(flatNames[metric]);
  yield header(width, rows.count, metric);
  yield sizes([rows.count * width]);
  yield* rowsOf(rows, width, 0, rows.count);
}

function* quantizer({ width, parts, codewords }: IvfPqIndex): Generator<Uint8Array> {
  yield Buffer.from([1]); // codes are of residuals
  yield sizes([parts, width, parts, bitsOfCode, wordCount * width]);
  yield new Uint8Array(codewords.buffer, codewords.byteOffset, codewords.byteLength);
}

function* lists(index: IvfFlatIndex | IvfPqIndex): Generator<Uint8Array> {
  const { offsets, rows, width } = index;
  const count = offsets.length - 1;
  const lengths = Array.from({ length: count }, (_, l) => (offsets[l + 1] as number) - (offsets[l] as number));
  yield name("ilar");
  yield sizes([count, index.kind === "ivf-flat" ? 4 * width : index.parts]);
  yield name("full");
  yield sizes([count, ...lengths]);
  for (const [list, length] of lengths.entries()) {
    const first = offsets[list] as number;
    yield* index.kind === "ivf-flat" ? rowsOf(rows, width, first, length) : codesOf(rows, first, length);
    yield* idsOf(rows, first, length);
  }
}

/** Rows without the padding that kernels want. */
function* rowsOf(rows: RowStore, width: number, first: number, count: number): Generator<Uint8Array> {
  const stride = strideOf(width);
  if (stride === width) {
    yield* codesOf(rows, first, count);
    return;
  }
  for (const { block, first: from, count: some } of rows.runs(first, count)) {
    const packed = new Float32Array(some * width);
    for (let i = 0; i < some; i++) {
      packed.set(block.floats.subarray((from + i) * stride, (from + i) * stride + width), i * width);
    }
    yield new Uint8Array(packed.buffer);
  }
}

function* codesOf(rows: RowStore, first: number, count: number): Generator<Uint8Array> {
  for (const { block, first: from, count: some } of rows.runs(first, count)) {
    yield block.bytes.subarray(from * rows.rowBytes, (from + some) * rows.rowBytes);
  }
}

function* idsOf(rows: RowStore, first: number, count: number): Generator<Uint8Array> {
  for (const { block, first: from, count: some } of rows.runs(first, count)) {
    const halves = new Int32Array(2 * some); // ids are not negative: the upper half of each is zero
    for (let i = 0; i < some; i++) halves[2 * i] = block.ids[from + i] as number;
    yield new Uint8Array(halves.buffer);
  }
}

function name(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

function header(width: number, count: number, metric: Metric): Uint8Array {
  const bytes = Buffer.alloc(33);
  bytes.writeInt32LE(width, 0);
  bytes.writeBigInt64LE(BigInt(count), 4);
  bytes.writeBigInt64LE(unused, 12);
  bytes.writeBigInt64LE(unused, 20);
  bytes.writeUInt8(1, 28); // trained
  bytes.writeInt32LE(metricNumbers[metric], 29);
  return bytes;
}

function sizes(values: readonly number[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
}
