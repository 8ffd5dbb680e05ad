/** Positions in the parameter block of randomcutforest.as.ts, as indices of 32-bit integers. */
export const parameter = {
  points: 0,
  stride: 1,
  trees: 2,
  samples: 3,
  order: 4,
  uniforms: 5,
  nodes: 6,
  counts: 7,
  boxes: 8,
  logarithms: 9,
  x: 10,
  rows: 11,
  scores: 12,
  tree: 13,
} as const;

export const parameterCount = 14;

/** What a thread keeps of the tree that it is at. */
export const treeBytes = 64;

export const commands = { build: 1, measure: 2, score: 3 } as const;

/**
 * A node is eight numbers of 32 bits, the last two of which are one double. Left children follow their parents, so that
 * nodes are in preorder.
 */
export const node = {
  size: 8,
  /** Column that is cut; -1 of a leaf. */
  dimension: 0,
  /** Single precision: rows up to it go left. */
  cut: 1,
  /** Place of the right child among the tree's nodes. */
  right: 2,
  /** Points below the node. */
  mass: 3,
  /** Of a leaf, where its first point is among the tree's; of another node, which of the tree's boxes is its own. */
  place: 4,
  /** Double precision, as an index of doubles: what the sides of the node's box add up to. */
  sides: 3,
} as const;
