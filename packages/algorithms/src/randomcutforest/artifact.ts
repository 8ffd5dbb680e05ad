import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../job/write-whole.ts";
import type { ForestSize, Trees } from "./forest.ts";
import { node } from "./kernels/layout.ts";

const FILE = "model_algo-1";
const MAGIC = "sagebrush-random-cut-forest-1";
/** Numbers of a node that are written; the sum of sides follows from the points. */
const written = [node.dimension, node.cut, node.right, node.mass, node.place];

/** What a model is made of. */
interface Grown {
  readonly trees: Trees;
  readonly width: number;
  /** Shape (any, stride): the points that `trees.order` names. */
  readonly points: Float32Array;
  readonly stride: number;
}

/** A forest as it was read: the points of each tree lie in the order of its leaves. */
export interface ForestModel extends ForestSize {
  readonly width: number;
  /** Nodes of each tree. */
  readonly counts: Int32Array;
  /** Shape (all nodes, 5): dimension, cut (single precision), right child, mass, place. */
  readonly nodes: Int32Array;
  /** Shape (trees, samples, width). */
  readonly points: Float32Array;
}

interface Head extends ForestSize {
  readonly magic: string;
  readonly width: number;
}

/**
 * Writes `model_algo-1`: a line of JSON, then little-endian numbers of 32 bits as `ForestModel` has them: counts, nodes,
 * points.
 */
export async function saveModel(directory: string, { trees: all, width, points, stride }: Grown): Promise<void> {
  const { trees, samples, order, counts } = all;
  const head: Head = { magic: MAGIC, trees, samples, width };
  const total = counts.reduce((sum, count) => sum + count, 0);
  const nodes = new Int32Array(total * written.length);
  let to = 0;
  for (let t = 0; t < trees; t++) {
    const first = t * (2 * samples - 1);
    for (let n = first; n < first + (counts[t] as number); n++) {
      for (const field of written) nodes[to++] = all.nodes[n * node.size + field] as number;
    }
  }
  const inOrder = new Float32Array(trees * samples * width);
  for (const [i, point] of order.entries()) {
    inOrder.set(points.subarray(point * stride, point * stride + width), i * width);
  }
  await writeWhole(directory, FILE, [
    `${JSON.stringify(head)}\n`,
    ...[counts, nodes, inOrder].map(
      ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
    ),
  ]);
}

/** Reads what `saveModel` wrote. @throws Error when it is something else, or is damaged. */
export async function loadModel(directory: string): Promise<ForestModel> {
  const bytes = await readFile(join(directory, FILE));
  const end = bytes.indexOf(0x0a);
  const { trees, samples, width } = readHead(bytes.toString("utf8", 0, Math.min(Math.max(end, 0), 1024)));
  let at = end + 1;
  const take = (count: number): ArrayBuffer => {
    const length = count * 4;
    if (!(length <= bytes.length - at)) throw damaged(`${length} bytes were expected at ${at} of ${bytes.length}`);
    at += length;
    return Uint8Array.from(bytes.subarray(at - length, at)).buffer;
  };
  const counts = new Int32Array(take(trees));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (counts.some((count) => count < 1 || count > 2 * samples - 1)) throw damaged("a tree has no possible size");
  const nodes = new Int32Array(take(total * written.length));
  const points = new Float32Array(take(trees * samples * width));
  if (at !== bytes.length) throw damaged(`${bytes.length - at} bytes are left over`);
  if (!points.every(Number.isFinite)) throw damaged("a point is not finite");
  const model = { trees, samples, width, counts, nodes, points };
  checkTrees(model);
  return model;
}

function readHead(line: string): Head {
  let head: Partial<Head>;
  try {
    head = JSON.parse(line) as Partial<Head>;
  } catch (error) {
    throw new Error(`${FILE} is no forest that was trained here`, { cause: error });
  }
  const { magic, trees = 0, samples = 0, width = 0 } = head;
  if (magic !== MAGIC) throw new Error(`${FILE} is no forest that was trained here`);
  for (const size of [trees, samples, width]) {
    if (!Number.isInteger(size) || size < 1 || size > 1_000_000) throw damaged(`a size is ${size}`);
  }
  return { magic, trees, samples, width };
}

/** Sees that every tree is one, and that its leaves have all its points: scoring looks at nothing outside then. */
function checkTrees({ samples, width, counts, nodes }: ForestModel): void {
  let first = 0;
  for (const count of counts) {
    // Where the points of a node begin; -1 until its parent, which comes before it, says so.
    const begins = new Int32Array(count).fill(-1);
    begins[0] = 0;
    const massOf = (n: number) => nodes[(first + n) * written.length + 3] as number;
    if (massOf(0) !== samples) throw damaged("a root has other points than its tree");
    let boxes = 0;
    for (let n = 0; n < count; n++) {
      const at = (first + n) * written.length;
      const [dimension = 0, , right = 0, mass = 0, place = 0] = nodes.subarray(at, at + written.length);
      const begin = begins[n] as number;
      if (begin < 0) throw damaged("a node has no parent");
      if (dimension === -1) {
        if (place !== begin || mass < 1) throw damaged("a leaf has the wrong points");
        continue;
      }
      const isCut = dimension >= 0 && dimension < width && place === boxes++;
      if (!isCut || right <= n + 1 || right >= count || begins[n + 1] !== -1 || begins[right] !== -1) {
        throw damaged("a node has no two children");
      }
      if (massOf(n + 1) < 1 || massOf(right) < 1 || massOf(n + 1) + massOf(right) !== mass) {
        throw damaged("children have other points than their parent");
      }
      begins[n + 1] = begin;
      begins[right] = begin + massOf(n + 1);
    }
    first += count;
  }
}

function damaged(why: string): Error {
  return new Error(`${FILE} is damaged: ${why}`);
}

/** Puts the nodes of a model where a forest has them. */
export function plantModel({ samples, counts, nodes }: ForestModel, trees: Trees): void {
  trees.counts.set(counts);
  for (let i = 0; i < trees.order.length; i++) trees.order[i] = i;
  let from = 0;
  for (const [t, count] of counts.entries()) {
    const first = t * (2 * samples - 1);
    for (let n = first; n < first + count; n++) {
      for (const field of written) trees.nodes[n * node.size + field] = nodes[from++] as number;
    }
  }
}
