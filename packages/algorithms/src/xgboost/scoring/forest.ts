import { ModelFileError, UnscoredModelError } from "./errors.ts";
import type { Numbers } from "./format/document.ts";
import type { FileTree, TreeBooster } from "./format/model-file.ts";

/** Words that a node takes. */
export const nodeWords = 3;

/**
 * Trees in one buffer, each from its root downwards, level by level, siblings side by side: what a row visits lies close
 * together. A node is three words: what it splits, the value below which rows go left, and where its left child begins (the
 * right one follows it).
 *
 * The first word is -1 in a leaf, and otherwise `feature << 2`, plus 2 where the split is by category, plus 1 where missing
 * values go left. The second is a float, but in a split by category the bit set's number, and in a leaf what it adds: a float, or
 * the number of a vector where leaves add several.
 */
export interface Forest {
  /** The buffer as whole numbers, and as floats. */
  readonly words: Int32Array;
  readonly floats: Float32Array;
  /** The first word of each tree's root. */
  readonly roots: Int32Array;
  /** The output that each tree adds to. */
  readonly outputOf: Int32Array;
  readonly categories: CategorySets;
  /** Columns of a row that splits look at: the highest feature and 1. */
  readonly width: number;
  /** Shape (vectors, outputs); undefined where leaves are single numbers. */
  readonly leafVectors: Float32Array | undefined;
}

/** Sets of categories that go right: set i has the bits `begins[i] * 32` up to `begins[i + 1] * 32`. */
export interface CategorySets {
  readonly begins: Int32Array;
  readonly bits: Uint32Array;
}

/** XGBoost's categories are the whole numbers that a float holds exactly. */
const maxCategories = 2 ** 24;
/** Words of all sets of categories, a quarter of a gigabyte: one category of a small file can ask for two megabytes. */
const maxSetWords = 2 ** 26;
/** A row is spread out up to the last feature that is split, which takes four bytes for each. */
const maxFeatures = 2 ** 26;

/** Limits of a model that its trees must keep. */
interface Bounds {
  readonly features: number;
  readonly outputs: number;
}

/**
 * Lays the trees of a file out for scoring, and checks on the way that they are trees.
 * @param rounds - Rounds of boosting that count, from the first; all without it.
 * @throws ModelFileError for a child that is not there, a node that is reached twice (as in a cycle), a feature or an output that
 * the model does not have, and for lists of the wrong length.
 * @throws UnscoredModelError for splits of features beyond the 67 millionth.
 */
export function layOut(booster: TreeBooster, bounds: Bounds, rounds = Infinity): Forest {
  const { trees, outputOf, weights } = booster;
  if (outputOf.length !== trees.length) throw mismatch("tree_info", outputOf.length, trees.length);
  if (weights !== undefined && weights.length !== trees.length)
    throw mismatch("weight_drop", weights.length, trees.length);
  const width = trees[0]?.leafVectors === undefined ? 1 : bounds.outputs;
  // A round adds its trees to every output, unless each of them adds to all.
  const used = Math.min(trees.length, rounds * booster.parallelTrees * (width > 1 ? 1 : bounds.outputs));
  const writer = new ForestWriter(bounds, width > 1);
  for (let i = 0; i < used; i++) writer.add(trees[i] as FileTree, i, outputOf[i] as number, weights?.[i] ?? 1);
  return writer.forest();
}

function mismatch(name: string, found: number, trees: number): ModelFileError {
  return new ModelFileError(`${name} has ${found} elements where there are ${trees} trees`);
}

class ForestWriter {
  readonly #bounds: Bounds;
  readonly #hasVectors: boolean;
  readonly #trees: { readonly words: Int32Array; readonly output: number }[] = [];
  readonly #sets: Uint32Array[] = [];
  readonly #vectors: number[] = [];
  #width = 0;
  #setWords = 0;

  constructor(bounds: Bounds, hasVectors: boolean) {
    this.#bounds = bounds;
    this.#hasVectors = hasVectors;
  }

  /** @param weight - What the tree counts for. Rounded once more, as the library rounds the product. */
  add(tree: FileTree, id: number, output: number, weight: number): void {
    if (!isIndex(output, this.#bounds.outputs)) {
      throw new ModelFileError(`tree ${id} adds to output ${output}, and the model has ${this.#bounds.outputs}`);
    }
    const order = nodesDownwards(tree, id);
    const vectorsBefore = this.#vectors.length;
    const words = new Int32Array(order.length * nodeWords);
    const floats = new Float32Array(words.buffer);
    let nextChild = nodeWords;
    order.forEach((node, i) => {
      const at = i * nodeWords;
      if (tree.left[node] === -1) {
        words[at] = -1;
        if (this.#hasVectors) words[at + 1] = this.#vector(tree, id, node);
        else floats[at + 1] = Math.fround(tree.condition[node] as number) * Math.fround(weight);
        return;
      }
      const feature = this.#feature(tree.feature[node] as number, node, id);
      const categories = tree.categories.get(node);
      words[at] = (feature << 2) | (categories === undefined ? 0 : 2) | (tree.defaultLeft[node] ? 1 : 0);
      if (categories === undefined) floats[at + 1] = tree.condition[node] as number;
      else words[at + 1] = this.#set(categories, node, id);
      words[at + 2] = nextChild;
      nextChild += 2 * nodeWords;
    });
    // A vector belongs to one leaf: a small file cannot ask for much.
    if (tree.leafVectors !== undefined && this.#vectors.length - vectorsBefore > tree.leafVectors.values.length) {
      throw new ModelFileError(`tree ${id} has more leaves than vectors`);
    }
    this.#trees.push({ words, output });
  }

  forest(): Forest {
    const size = this.#trees.reduce((sum, { words }) => sum + words.length, 0);
    if (size > 2 ** 31 - 1)
      throw new ModelFileError(`its trees have ${size / nodeWords} nodes, more than are laid out here`);
    const words = new Int32Array(size);
    const roots = new Int32Array(this.#trees.length);
    let at = 0;
    this.#trees.forEach((tree, i) => {
      roots[i] = at;
      words.set(tree.words, at);
      for (let child = at + 2; child < at + tree.words.length; child += nodeWords) (words[child] as number) += at;
      at += tree.words.length;
    });
    return {
      words,
      floats: new Float32Array(words.buffer),
      roots,
      outputOf: Int32Array.from(this.#trees, ({ output }) => output),
      categories: joined(this.#sets),
      width: this.#width,
      leafVectors: this.#hasVectors ? Float32Array.from(this.#vectors) : undefined,
    };
  }

  #feature(feature: number, node: number, id: number): number {
    const { features } = this.#bounds;
    if (!isIndex(feature, features)) {
      throw new ModelFileError(`node ${node} of tree ${id} splits feature ${feature}, and the model has ${features}`);
    }
    if (feature >= maxFeatures) throw new UnscoredModelError(`splits of feature ${feature}`);
    this.#width = Math.max(this.#width, feature + 1);
    return feature;
  }

  #set(categories: Numbers, node: number, id: number): number {
    let most = -1;
    for (let i = 0; i < categories.length; i++) {
      const category = categories[i] as number;
      if (!isIndex(category, maxCategories)) {
        throw new ModelFileError(`node ${node} of tree ${id} splits by the category ${category}`);
      }
      most = Math.max(most, category);
    }
    const size = Math.floor(most / 32) + 1;
    this.#setWords += size;
    if (this.#setWords > maxSetWords) throw new UnscoredModelError("sets of categories of more than 256 MiB");
    const bits = new Uint32Array(size);
    for (let i = 0; i < categories.length; i++) {
      const category = categories[i] as number;
      (bits[category >>> 5] as number) |= 1 << (category & 31);
    }
    return this.#sets.push(bits) - 1;
  }

  #vector(tree: FileTree, id: number, node: number): number {
    const { outputs } = this.#bounds;
    const vectors = tree.leafVectors;
    if (vectors === undefined)
      throw new ModelFileError(`leaves of tree ${id} are single numbers, and those of tree 0 are not`);
    const index = vectors.indexOf(node);
    if (!isIndex(index, vectors.values.length / outputs)) {
      throw new ModelFileError(
        `leaf ${node} of tree ${id} has the vector ${index}, and the tree has ${vectors.values.length / outputs}`,
      );
    }
    for (let i = 0; i < outputs; i++) this.#vectors.push(vectors.values[index * outputs + i] as number);
    return this.#vectors.length / outputs - 1;
  }
}

/** Nodes that can be reached from the root, level by level, each left child directly before its sibling. */
function nodesDownwards(tree: FileTree, id: number): number[] {
  const seen = new Uint8Array(tree.nodes);
  seen[0] = 1;
  const order = [0];
  // The list grows while it is walked through.
  for (let at = 0; at < order.length; at++) {
    const node = order[at] as number;
    if (tree.left[node] === -1) continue;
    for (const child of [tree.left[node] as number, tree.right[node] as number]) {
      if (!isIndex(child, tree.nodes)) {
        throw new ModelFileError(
          `node ${node} of tree ${id} has the child ${child}, and the tree has ${tree.nodes} nodes`,
        );
      }
      if (seen[child] === 1) {
        throw new ModelFileError(
          `node ${child} of tree ${id} is reached twice, from node ${node} among others: it is no tree`,
        );
      }
      seen[child] = 1;
      order.push(child);
    }
  }
  return order;
}

function isIndex(value: number, end: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < end;
}

function joined(sets: readonly Uint32Array[]): CategorySets {
  const begins = new Int32Array(sets.length + 1);
  sets.forEach((set, i) => {
    begins[i + 1] = (begins[i] as number) + set.length;
  });
  const bits = new Uint32Array(begins[sets.length] as number);
  sets.forEach((set, i) => {
    bits.set(set, begins[i]);
  });
  return { begins, bits };
}
