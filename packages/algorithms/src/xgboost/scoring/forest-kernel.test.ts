import { expect, test } from "vitest";
import { type RandomStream, randomStream } from "../../numerics/random.ts";
import { layOut } from "./forest.ts";
import { ForestKernel } from "./forest-kernel.ts";
import type { FileTree, TreeBooster } from "./format/model-file.ts";
import { sumTrees } from "./sum-trees.ts";

const features = 5;
const odd = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-40];

/** A tree that grows one random leaf at a time; a lopsided one always the last. */
function grown(random: RandomStream, splits: number, isLopsided: boolean): FileTree {
  const [left, right, feature, condition, defaultLeft] = [[-1], [-1], [0], [random.normal()], [0]];
  let leaves = [0];
  for (let i = 0; i < splits; i++) {
    const node = isLopsided
      ? (leaves.at(-1) as number)
      : (leaves[Math.floor(random.uniform() * leaves.length)] as number);
    const child = left.length;
    leaves = [...leaves.filter((leaf) => leaf !== node), child, child + 1];
    [left[node], right[node], feature[node]] = [child, child + 1, Math.floor(random.uniform() * features)];
    defaultLeft[node] = Number(random.uniform() < 0.5);
    condition[node] = Math.fround(Math.round(random.normal() * 4) / 4);
    for (const list of [left, right]) list.push(-1, -1);
    feature.push(0, 0);
    defaultLeft.push(0, 0);
    condition.push(random.normal(), random.normal());
  }
  return { nodes: left.length, left, right, feature, condition, defaultLeft, categories: new Map() };
}

const shapes = [1, 2, 7, 8, 9, 64, 65, 130, 7000].flatMap((count) => [0, 1, 8, 21].map((trees) => ({ count, trees })));

test.for(shapes)("$trees trees over $count rows sum as their twin sums them", ({ count, trees }) => {
  const random = randomStream(count * 100 + trees);
  const outputs = trees === 21 ? 3 : 1;
  const booster: TreeBooster = {
    kind: "trees",
    trees: Array.from({ length: trees }, (_, i) => grown(random, [0, 1, 30, 60][i % 4] as number, i % 8 > 3)),
    outputOf: Array.from({ length: trees }, (_, i) => i % outputs),
    parallelTrees: 1,
  };
  const forest = layOut(booster, { features, outputs });
  expect(ForestKernel.fits(forest)).toBe(true);
  const values = Float32Array.from({ length: count * features }, () =>
    random.uniform() < 0.2
      ? (odd[Math.floor(random.uniform() * odd.length)] as number)
      : Math.round(random.normal() * 4) / 4,
  );
  const base = Float32Array.from({ length: count * outputs }, () => random.normal());
  const order = { values, width: features, count, outputs };
  const [own, twin] = [base.slice(), base.slice()];
  new ForestKernel(forest).sumTrees({ ...order, sums: own });
  sumTrees(forest, { ...order, sums: twin });
  expect(own).toEqual(twin);
  if (trees > 1) expect(own).not.toEqual(base);
});
