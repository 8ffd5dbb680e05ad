import { expect, test } from "vitest";
import { csvOf, denseOf } from "../testkit/row-files.ts";
import { runFit } from "../testkit/run-fit.ts";
import type { ForestModel } from "./artifact.ts";
import { reference } from "./fixtures/reference.ts";
import { openPredictor } from "./predict.ts";
import { randomCutForest } from "./randomcutforest.ts";

const request = { acceptParameters: new Map<string, string>() };
const scoresOf = (answer: { columns: readonly { values: ArrayLike<number> }[] }) =>
  Array.from(answer.columns[0]?.values ?? []);

/** The trees of AWS's library as a model of ours. */
function theirForest(): ForestModel {
  const { trees } = reference;
  const nodes = trees
    .flatMap((tree) => tree.nodes)
    .map(([dimension = 0, cut = 0, ...rest]) => [
      dimension,
      new Int32Array(Float32Array.of(cut).buffer)[0] as number,
      ...rest,
    ]);
  const points = trees.flatMap((tree) => tree.points);
  return {
    trees: trees.length,
    samples: points.length / trees.length,
    width: points[0]?.length ?? 0,
    counts: Int32Array.from(trees, (tree) => tree.nodes.length),
    nodes: Int32Array.from(nodes.flat()),
    points: Float32Array.from(points.flat()),
  };
}

// Both add in single precision how far a row is outside of a box: 1e-6 of the score.
test("rows have the scores that AWS's library gives them in the same trees", async () => {
  const predictor = await openPredictor(theirForest());
  const scores = scoresOf(predictor.predict(denseOf({ features: reference.queries }), request));
  expect(scores).toHaveLength(reference.scores.length);
  reference.scores.forEach((wanted, i) => expect((scores[i] as number) / wanted).toBeCloseTo(1, 5));
});

test("the same days are odd as by AWS's library", async () => {
  const { x, samples, means } = reference;
  const given = { feature_dim: "4", num_trees: "50", num_samples_per_tree: "256" };
  const channels = { train: { "rows.csv": csvOf({ features: x }) } };
  const result = await runFit(randomCutForest, { given, channels, contentType: "text/csv;label_size=0" });
  expect(result.lines.join("\n")).toContain(`num_samples_per_tree: ${samples},`);
  const scores = scoresOf((await result.load()).predict(denseOf({ features: x }), request));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  // One forest of fifty trees against the mean of twenty: a score's standard error is near 1 / sqrt(50) of its spread
  // over trees, some 0.03 here, where scores range from 0.7 to 2.
  expect(Math.abs(mean(scores) / mean(means) - 1)).toBeLessThan(0.02);
  expect(correlation(ranks(scores), ranks(means))).toBeGreaterThan(0.95);
  const odd = (values: readonly number[]) =>
    new Set(ranks(values).flatMap((rank, i) => (rank >= x.length - 30 ? [i] : [])));
  const theirs = odd(means);
  expect([...odd(scores)].filter((i) => theirs.has(i)).length).toBeGreaterThan(22);
});

function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
  const result = values.map(() => 0);
  for (const [rank, i] of order.entries()) result[i] = rank;
  return result;
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const centre = (a.length - 1) / 2;
  const product = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + (value - centre) * ((y[i] as number) - centre), 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}
