import type { Trees } from "./forest.ts";
import { node } from "./kernels/layout.ts";

/** What the service's log says of a forest, in its own form. */
export function forestInfo(trees: Trees, width: number, bytes: number): string {
  const nodes = [...trees.counts];
  const depths = nodes.map((_, tree) => depthOf(trees, tree));
  const fields = [
    `num_trees: ${trees.trees}`,
    `num_samples_in_forest: ${trees.trees * trees.samples}`,
    `num_samples_per_tree: ${trees.samples}`,
    `sample_dim: ${width}`,
    "shingle_size: 1",
    `trees_num_nodes: [${nodes.map((count) => `${count}, `).join("")}]`,
    `trees_depth: [${depths.map((depth) => `${depth}, `).join("")}]`,
    ...summary(nodes, "num_nodes"),
    ...summary(depths, "tree_depth"),
    `mem_size: ${bytes}`,
  ];
  return `ForestInfo{${fields.join(", ")}}`;
}

function summary(values: readonly number[], name: string): string[] {
  const mean = Math.floor(values.reduce((sum, value) => sum + value, 0) / values.length);
  return [`max_${name}: ${Math.max(...values)}`, `min_${name}: ${Math.min(...values)}`, `avg_${name}: ${mean}`];
}

/** Cuts between a tree's root and its deepest leaf. */
export function depthOf({ nodes, counts, samples }: Trees, tree: number): number {
  const count = counts[tree] as number;
  const depths = new Int32Array(count);
  let most = 0;
  // Children come after their parents.
  for (let n = 0; n < count; n++) {
    const at = (tree * (2 * samples - 1) + n) * node.size;
    const depth = depths[n] as number;
    most = Math.max(most, depth);
    if ((nodes[at + node.dimension] as number) < 0) continue;
    depths[n + 1] = depth + 1;
    depths[nodes[at + node.right] as number] = depth + 1;
  }
  return most;
}
