import type { Numbers } from "./document.ts";

/** A model as its file describes it, whatever the format. */
export interface ModelFile {
  /** Version that wrote it; zeros where the file does not say. */
  readonly version: readonly [number, number, number];
  /** `binary:logistic` */
  readonly objective: string;
  /** Columns of the rows that it was trained on. */
  readonly features: number;
  /** Classes of the objective; 0 where it has none. */
  readonly classes: number;
  /** Numbers that a row's margin has: classes, targets, or 1. */
  readonly outputs: number;
  /** What a row's sum begins with: one number for all outputs, or one for each. */
  readonly baseScore: BaseScore;
  readonly booster: TreeBooster | LinearBooster;
  /** What was noted on the model: `best_iteration`. */
  readonly attributes: ReadonlyMap<string, string>;
}

interface BaseScore {
  readonly values: readonly number[];
  /** Whether the values are in the units of sums (before 1.0), or in those of answers. */
  readonly isMargin: boolean;
}

/** Trees whose leaves are summed. */
export interface TreeBooster {
  readonly kind: "trees";
  readonly trees: readonly FileTree[];
  /** The output that each tree adds to. */
  readonly outputOf: Numbers;
  /** What each tree counts for (dart); 1 without it. */
  readonly weights?: Numbers;
  /** Trees that a round of boosting adds to one output. */
  readonly parallelTrees: number;
}

/** A weight for each feature and output, row-major, and last a bias for each output. Empty: all of them 0. */
export interface LinearBooster {
  readonly kind: "linear";
  readonly weights: Numbers;
}

/** A tree as its file has it, node 0 being the root. Nothing of it is checked yet but that the arrays are equally long. */
export interface FileTree {
  readonly nodes: number;
  /** -1 for a leaf. */
  readonly left: Numbers;
  readonly right: Numbers;
  readonly feature: Numbers;
  /** Values below it go left. In a leaf: what the leaf adds, where that is one number. */
  readonly condition: Numbers;
  /** Whether missing values go left: 0 or 1. */
  readonly defaultLeft: Numbers;
  /** Of nodes that split by category: the categories that go right. */
  readonly categories: ReadonlyMap<number, Numbers>;
  readonly leafVectors?: LeafVectors;
}

/** Leaves that add a number to every output. */
export interface LeafVectors {
  /** Shape (vectors, outputs), row-major. */
  readonly values: Numbers;
  /** The vector of a leaf. */
  indexOf(node: number): number;
}
