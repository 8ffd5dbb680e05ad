import { CustomerError } from "../../job/errors.ts";
import { distinct } from "../../kmeans/initial-centres.ts";
import type { Metric } from "../search/scanner.ts";
import { strideOf } from "../search/stride.ts";
import type { IndexPlan } from "../settings.ts";
import { encodeRows } from "./encode-rows.ts";
import { type RowMemory, RowStore } from "./row-store.ts";
import type { FlatIndex, IvfFlatIndex, IvfPqIndex, VectorIndex } from "./vector-index.ts";
import { type TrainingTools, VectorQuantizer, type VectorSource } from "./vector-quantizer.ts";

/** Rows that a centroid is learned from, on average: it is off by less than a hundredth of its list's variance. */
const rowsPerCentroid = 128;
/** Iterations that FAISS trains its coarse quantizers with. */
const iterations = 10;
/** Most memory that rows to learn from take. */
const trainingBytes = 256 * 1024 * 1024;

/** What an index is built from. */
export interface IndexSource {
  /** Rows in the form of the index; a flat index takes them over. */
  readonly rows: RowStore;
  readonly width: number;
  readonly metric: Metric;
}

/** Builds the index of a plan; the ids of rows are their places. @throws CustomerError where there are too few rows. */
export async function buildIndex(
  plan: IndexPlan,
  source: IndexSource,
  memory: RowMemory,
  tools: TrainingTools,
): Promise<VectorIndex> {
  if (plan.type === "faiss.Flat") return flatIndex(source);
  const lists = listCount(plan.lists, source.rows.count);
  const { centroids, assigned } = await partition(source, lists, memory, tools);
  const offsets = offsetsOf(assigned, lists);
  const probes = plan.probes;
  if (plan.type === "faiss.IVFPQ") {
    const encoded = await encodeRows({ ...source, centroids, assigned, parts: plan.parts }, tools);
    const rows = inLists(assigned, offsets, new RowStore(memory, plan.parts, source.rows.count), (row, target, at) =>
      target.bytes.set(encoded.codes.subarray(row * plan.parts, (row + 1) * plan.parts), at * plan.parts),
    );
    const { codewords } = encoded;
    const index: IvfPqIndex = {
      ...source,
      kind: "ivf-pq",
      rows,
      centroids,
      offsets,
      probes,
      parts: plan.parts,
      codewords,
    };
    return index;
  }
  const stride = strideOf(source.width);
  const own = new RowStore(memory, stride * 4, source.rows.count);
  const rows = inLists(assigned, offsets, own, (row, target, at) => {
    const from = source.rows.placeOf(row) * stride;
    target.floats.set(source.rows.blockOf(row).floats.subarray(from, from + stride), at * stride);
  });
  const index: IvfFlatIndex = { ...source, kind: "ivf-flat", rows, centroids, offsets, probes };
  return index;
}

function flatIndex(source: IndexSource): FlatIndex {
  let id = 0;
  for (const { block, first, count } of source.rows.runs()) {
    for (let i = first; i < first + count; i++) block.ids[i] = id++;
  }
  return { ...source, kind: "flat" };
}

function listCount(wanted: number | "auto", rows: number): number {
  if (wanted === "auto") return Math.max(1, Math.floor(Math.sqrt(rows)));
  if (wanted <= rows) return wanted;
  throw new CustomerError(
    `The sample of the train channel has ${rows} row(s), fewer than the ${wanted} lists that hyperparameter 'faiss_index_ivf_nlists' asks for.`,
  );
}

/** Learns centroids from some of the rows and gives each row the nearest. */
async function partition(
  { rows, width }: IndexSource,
  lists: number,
  memory: RowMemory,
  tools: TrainingTools,
): Promise<{ centroids: RowStore; assigned: Int32Array }> {
  const stride = strideOf(width);
  const quantizer = await VectorQuantizer.open(width, lists, tools.threads);
  try {
    const wanted = Math.max(lists, Math.min(rowsPerCentroid * lists, Math.floor(trainingBytes / (4 * stride))));
    const picks = distinct(rows.count, Math.min(wanted, rows.count), tools.random);
    const source: VectorSource = (row, target, at) => copyRow(rows, width, row, target, at);
    const centres = await quantizer.train(
      (i, target, at) => source(picks[i] as number, target, at),
      picks.length,
      iterations,
      tools,
    );
    const assigned = new Int32Array(rows.count);
    quantizer.assign(centres, source, rows.count, (row, list) => {
      assigned[row] = list;
    });
    return { centroids: storeCentroids(centres, width, memory), assigned };
  } finally {
    await quantizer.close();
  }
}

/** Writes a row's features into an array. */
export function copyRow(rows: RowStore, width: number, row: number, target: Float32Array, at: number): void {
  const { floats } = rows.blockOf(row);
  const from = rows.placeOf(row) * strideOf(width);
  for (let j = 0; j < width; j++) target[at + j] = floats[from + j] as number;
}

function storeCentroids(centres: Float64Array, width: number, memory: RowMemory): RowStore {
  const stride = strideOf(width);
  const count = centres.length / width;
  const store = new RowStore(memory, stride * 4, count);
  store.grow(count);
  for (let c = 0; c < count; c++) {
    const { floats, ids } = store.blockOf(c);
    const at = store.placeOf(c);
    for (let j = 0; j < width; j++) floats[at * stride + j] = centres[c * width + j] as number;
    ids[at] = c;
  }
  return store;
}

function offsetsOf(assigned: Int32Array, lists: number): Float64Array {
  const offsets = new Float64Array(lists + 1);
  for (const list of assigned) offsets[list + 1] = (offsets[list + 1] as number) + 1;
  for (let list = 0; list < lists; list++)
    offsets[list + 1] = (offsets[list + 1] as number) + (offsets[list] as number);
  return offsets;
}

/** Puts rows in the order of their lists, those of one list in the order of their ids. */
function inLists(
  assigned: Int32Array,
  offsets: Float64Array,
  store: RowStore,
  copy: (row: number, target: RowStore["blocks"][number], at: number) => void,
): RowStore {
  store.grow(assigned.length);
  const next = offsets.slice();
  for (const [row, list] of assigned.entries()) {
    const place = next[list] as number;
    next[list] = place + 1;
    const block = store.blockOf(place);
    copy(row, block, store.placeOf(place));
    block.ids[store.placeOf(place)] = row;
  }
  return store;
}
