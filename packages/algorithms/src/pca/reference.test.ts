import { describe, expect, test } from "vitest";
import { readArrayList } from "../formats/mxnet/array-list.ts";
import { csvOf, denseOf } from "../testkit/row-files.ts";
import { runFit } from "../testkit/run-fit.ts";
import { reference } from "./fixtures/reference.ts";
import { pca } from "./pca.ts";

const names = ["iris", "wine", "wine in its own units", "digits"] as const;

// The same numbers from sums in single precision: some 1e-7 of the largest singular value squared, over the gap between
// neighbours for a direction. The narrowest relative gap here, of wine's, is 3 %.
const tolerance = 1e-4;

describe.for(names)("on %s, as scikit-learn", (name) => {
  const { x, mean, components, singular, ratio, projected, uncentred } = reference[name];
  const width = mean.length;
  const count = singular.length;
  const fit = (more: Record<string, string>) =>
    runFit(pca, {
      given: { feature_dim: String(width), num_components: String(count), mini_batch_size: "50", ...more },
      channels: { train: { "rows.csv": csvOf({ features: x }) } },
      contentType: "text/csv;label_size=0",
    });

  test.for<[string, Record<string, string>]>([
    ["regular", {}],
    ["randomized", { algorithm_mode: "randomized" }],
  ])("%s mode finds the components", async ([mode, more]) => {
    const result = await fit(more);
    const { v, s, mean: found } = arraysOf(result.model);
    mean.forEach((value, j) =>
      expect(Math.abs((found?.[j] as number) - value)).toBeLessThan(1e-6 * (1 + Math.abs(value))),
    );
    // A sketch of fewer vectors than features sees weak components through strong ones; it explains nearly as much.
    const isSketch = mode === "randomized" && count + 10 < width;
    expect(Math.abs((result.metric("train:explained_variance_ratio")[0] as number) - ratio)).toBeLessThan(
      isSketch ? 0.02 : 1e-5,
    );
    if (isSketch) return;
    expectSame(v, s, { components, singular }, width);
    const answer = (await result.load()).predict(denseOf({ features: x.slice(0, 5) }));
    const [column] = answer.columns;
    projected.forEach((row, i) => {
      row.forEach((value, c) => {
        // Ours has the strongest component last, and may have the opposite sign.
        const ours = column?.values[i * count + count - 1 - c] as number;
        expect(Math.abs(Math.abs(ours) - Math.abs(value))).toBeLessThan(tolerance * (singular[0] as number));
      });
    });
  });

  test("without its mean subtracted", async () => {
    const { v, s, mean: found } = arraysOf((await fit({ subtract_mean: "false" })).model);
    expect(found).toBeUndefined();
    expectSame(v, s, uncentred, width);
  });
});

function arraysOf(model: Readonly<Record<string, Buffer>>) {
  const arrays = readArrayList(model["model_algo-1"] as Buffer);
  const find = (wanted: string) => arrays.find(({ name }) => name === wanted)?.values;
  return { v: find("v") as Float32Array, s: find("s") as Float32Array, mean: find("mean") };
}

function expectSame(
  v: Float32Array,
  s: Float32Array,
  wanted: { readonly components: readonly (readonly number[])[]; readonly singular: readonly number[] },
  width: number,
): void {
  const count = s.length;
  const largest = wanted.singular[0] as number;
  wanted.singular.forEach((value, c) => {
    const column = count - 1 - c;
    expect(Math.abs((s[column] as number) - value) / largest).toBeLessThan(tolerance);
    let cosine = 0;
    for (let j = 0; j < width; j++) cosine += (v[j * count + column] as number) * (wanted.components[c]?.[j] as number);
    expect(1 - Math.abs(cosine), `component ${c}`).toBeLessThan(tolerance);
  });
}
