import type { CategorySets, Forest } from "./forest.ts";
import { nodeWords } from "./forest.ts";

/** Rows that go through a tree before the next tree's turn: their features stay in the first cache, and so does the tree. */
const blockRows = 64;

/** Dense rows, and where their sums go. */
export interface SumOrder {
  /** Shape (count, width); NaN is missing. Every feature that the forest splits lies within a row. */
  readonly values: Float32Array;
  readonly width: number;
  readonly count: number;
  /** Shape (count, outputs), with what the sums begin with. */
  readonly sums: Float32Array;
  readonly outputs: number;
}

/**
 * Adds to each row's sums what the leaves hold that it falls into. Sums are rounded to floats after every tree and trees come in
 * order, as in the library, so that sums are equal to the last bit. Twin of kernels/forest.as.ts.
 */
export function sumTrees(forest: Forest, order: SumOrder): void {
  for (let begin = 0; begin < order.count; begin += blockRows) {
    const end = Math.min(order.count, begin + blockRows);
    for (let tree = 0; tree < forest.roots.length; tree++) {
      if (forest.leafVectors !== undefined) addVectors(forest, tree, order, begin, end);
      else if (forest.categories.begins.length > 1) addMixed(forest, tree, order, begin, end);
      else addNumeric(forest, tree, order, begin, end);
    }
  }
}

/** One tree over some rows, where every split is by value. */
function addNumeric(forest: Forest, tree: number, order: SumOrder, begin: number, end: number): void {
  const { words, floats } = forest;
  const { values, width, sums, outputs } = order;
  const root = forest.roots[tree] as number;
  let sum = begin * outputs + (forest.outputOf[tree] as number);
  for (let row = begin; row < end; row++) {
    const first = row * width;
    let node = root;
    for (;;) {
      const split = words[node] as number;
      if (split < 0) break;
      const value = values[first + (split >> 2)] as number;
      const left = words[node + 2] as number;
      const isLeft = value < (floats[node + 1] as number) || ((split & 1) === 1 && value !== value);
      node = isLeft ? left : left + nodeWords;
    }
    // The store rounds.
    (sums[sum] as number) += floats[node + 1] as number;
    sum += outputs;
  }
}

/** The same where some splits are by category. */
function addMixed(forest: Forest, tree: number, order: SumOrder, begin: number, end: number): void {
  const { values, width, sums, outputs } = order;
  let sum = begin * outputs + (forest.outputOf[tree] as number);
  for (let row = begin; row < end; row++) {
    const leaf = leafOf(forest, forest.roots[tree] as number, values, row * width);
    (sums[sum] as number) += forest.floats[leaf + 1] as number;
    sum += outputs;
  }
}

/** The same where leaves add a number to every output. */
function addVectors(forest: Forest, tree: number, order: SumOrder, begin: number, end: number): void {
  const { values, width, sums, outputs } = order;
  const vectors = forest.leafVectors as Float32Array;
  for (let row = begin; row < end; row++) {
    const leaf = leafOf(forest, forest.roots[tree] as number, values, row * width);
    const vector = (forest.words[leaf + 1] as number) * outputs;
    for (let i = 0; i < outputs; i++) (sums[row * outputs + i] as number) += vectors[vector + i] as number;
  }
}

function leafOf({ words, floats, categories }: Forest, root: number, values: Float32Array, row: number): number {
  let node = root;
  for (;;) {
    const split = words[node] as number;
    if (split < 0) return node;
    const value = values[row + (split >> 2)] as number;
    let isLeft: boolean;
    if (value !== value) isLeft = (split & 1) === 1;
    else if ((split & 2) === 0) isLeft = value < (floats[node + 1] as number);
    else isLeft = !isIn(categories, words[node + 1] as number, value);
    node = (words[node + 2] as number) + (isLeft ? 0 : nodeWords);
  }
}

/** A value is its whole part's category; a negative one is none. */
function isIn({ begins, bits }: CategorySets, set: number, value: number): boolean {
  const begin = begins[set] as number;
  if (!(value >= 0 && value < ((begins[set + 1] as number) - begin) * 32)) return false;
  const category = value | 0;
  return (((bits[begin + (category >>> 5)] as number) >>> (category & 31)) & 1) === 1;
}
