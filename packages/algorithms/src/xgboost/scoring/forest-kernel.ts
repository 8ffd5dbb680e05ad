import { readFileSync } from "node:fs";
import { buildFile } from "../../job/build-files.ts";
import { type Forest, nodeWords } from "./forest.ts";
import type { SumOrder } from "./sum-trees.ts";

type SumTrees = (
  trees: number,
  treeCount: number,
  rows: number,
  stride: number,
  count: number,
  sums: number,
  sumStride: number,
) => void;

const pageBytes = 65536;
/** Bytes of a node, and of a tree's entry, in the kernel's memory. */
const nodeBytes = 16;
const treeBytes = 12;
/** Floats of rows, and of sums, that the kernel takes at a time. */
const blockFloats = 1 << 15;
/** Trees that are larger are summed by the twin: the kernel's memory ends at 4 GiB. */
const maxNodes = 2 ** 27;

/** Sums a forest whose splits are by value and whose leaves are single numbers, by kernels/forest.as.ts. */
export class ForestKernel {
  readonly #sumTrees: SumTrees;
  readonly #trees: number;
  readonly #treeCount: number;
  readonly #rows: Float32Array;
  readonly #sums: Float32Array;

  /** Whether the kernel can sum a forest. */
  static fits({ words, categories, leafVectors }: Forest): boolean {
    return leafVectors === undefined && categories.begins.length === 1 && words.length / nodeWords <= maxNodes;
  }

  constructor(forest: Forest) {
    const nodes = forest.words.length / nodeWords;
    const [trees, rows] = [nodes * nodeBytes, nodes * nodeBytes + Math.ceil((forest.roots.length * treeBytes) / 4) * 4];
    const pages = Math.ceil((rows + 2 * blockFloats * 4) / pageBytes);
    const memory = new WebAssembly.Memory({ initial: Math.max(16, pages), maximum: 65536, shared: true });
    const module = new WebAssembly.Module(readFileSync(buildFile("forest.wasm")));
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    this.#sumTrees = exports["sumTrees"] as SumTrees;
    this.#trees = trees;
    this.#treeCount = forest.roots.length;
    this.#rows = new Float32Array(memory.buffer, rows, blockFloats);
    this.#sums = new Float32Array(memory.buffer, rows + blockFloats * 4, blockFloats);
    const depths = writeNodes(forest, memory.buffer);
    const entries = new Int32Array(memory.buffer, trees, forest.roots.length * 3);
    forest.roots.forEach((root, i) => {
      const node = root / nodeWords;
      entries.set([node * nodeBytes, depths[i] as number, (forest.outputOf[i] as number) * 4], i * 3);
    });
  }

  /** Whether a row of this width, and its sums, fit the kernel's memory. */
  takes({ width, outputs }: SumOrder): boolean {
    return width <= blockFloats && outputs <= blockFloats;
  }

  sumTrees({ values, width, count, sums, outputs }: SumOrder): void {
    const most = Math.floor(blockFloats / Math.max(1, width, outputs));
    for (let begin = 0; begin < count; begin += most) {
      const end = Math.min(count, begin + most);
      this.#rows.set(values.subarray(begin * width, end * width));
      this.#sums.set(sums.subarray(begin * outputs, end * outputs));
      this.#sumTrees(
        this.#trees,
        this.#treeCount,
        this.#rows.byteOffset,
        width * 4,
        end - begin,
        this.#sums.byteOffset,
        outputs * 4,
      );
      sums.set(this.#sums.subarray(0, (end - begin) * outputs), begin * outputs);
    }
  }
}

/** @returns The depth of each tree. */
function writeNodes({ words, floats, roots }: Forest, memory: SharedArrayBuffer): Int32Array {
  const nodes = words.length / nodeWords;
  const own = new Int32Array(memory, 0, nodes * 4);
  const ownFloats = new Float32Array(memory, 0, nodes * 4);
  const depthOf = new Int32Array(nodes);
  const depths = new Int32Array(roots.length);
  let tree = -1;
  for (let node = 0; node < nodes; node++) {
    const at = node * nodeWords;
    if (roots[tree + 1] === at) tree += 1;
    const split = words[at] as number;
    const isLeaf = split < 0;
    const child = isLeaf ? node : (words[at + 2] as number) / nodeWords;
    own[node * 4] = isLeaf ? 0 : ((split >> 2) << 2) | (split & 1);
    ownFloats[node * 4 + 1] = floats[at + 1] as number;
    own[node * 4 + 2] = child * nodeBytes;
    own[node * 4 + 3] = isLeaf ? 0 : nodeBytes;
    const depth = depthOf[node] as number;
    depths[tree] = Math.max(depths[tree] as number, depth);
    if (!isLeaf) depthOf[child] = depthOf[child + 1] = depth + 1;
  }
  return depths;
}
