import { describe, expect, test } from "vitest";
import { stageRows } from "../formats/stream/stage-rows.ts";
import { csvOf, denseOf } from "../testkit/row-files.ts";
import { runFit } from "../testkit/run-fit.ts";
import { openAssigner } from "./assigner.ts";
import { reference } from "./fixtures/reference.ts";
import { kmeans } from "./kmeans.ts";
import { lloyd } from "./lloyd.ts";

const names = ["iris", "wine", "wine in its own units"] as const;

describe.for(names)("on %s, as scikit-learn", (name) => {
  const { k, x, best, start, settled } = reference[name];
  const width = x[0]?.length ?? 0;

  // The same steps in another precision: distances are single (1e-7 of the data's width), means are sums of up to 178
  // doubles. What a row at a border may do is bounded by the inertia, which agrees to the same digits.
  test("Lloyd's algorithm from one start ends in the same place", async () => {
    const assigner = await openAssigner({ width, centres: k }, 1);
    const area = assigner.area(x.length);
    const target = { values: area.values, stride: assigner.stride, at: 0 };
    stageRows(denseOf({ features: x }), { first: 0, count: x.length }, target, new Float64Array(width));
    const points = { area, values: area.values, count: x.length, width, stride: assigner.stride };
    const limits = { maxIterations: 1000, tolerance: 0, signal: new AbortController().signal };
    const { centres, meanSquaredDistance } = await lloyd(assigner, points, Float64Array.from(start.flat()), limits);
    expect((meanSquaredDistance * x.length) / settled.inertia).toBeCloseTo(1, 5);
    settled.centres.flat().forEach((value, i) => {
      expect(Math.abs((centres[i] as number) - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    });
    await assigner.close();
  });

  test("a job with default settings reaches the best of fifty starts within one percent", async () => {
    const given = { k: String(k), feature_dim: String(width) };
    const channels = { train: { "rows.csv": csvOf({ features: x }) } };
    const result = await runFit(kmeans, { given, channels, contentType: "text/csv" });
    const msd = result.metric("train:msd")[0] as number;
    expect((msd * x.length) / best.inertia).toBeLessThan(1.01);
    const answer = (await result.load()).predict(denseOf({ features: x }), { acceptParameters: new Map() });
    // Clusters have no order: each of theirs must be nearly all of one of ours.
    const pairs = new Map<string, number>();
    best.labels.forEach((label, i) => {
      const pair = `${label} is ${answer.columns[0]?.values[i]}`;
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    });
    const agreeing = [...pairs.values()].sort((a, b) => b - a).slice(0, k);
    expect(agreeing.reduce((sum, count) => sum + count, 0) / x.length).toBeGreaterThan(0.9);
  });
});
