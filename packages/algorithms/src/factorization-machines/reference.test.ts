import { describe, expect, test } from "vitest";
import { encodeRecordFrames } from "../formats/recordio-protobuf/encode.ts";
import type { SparseRows } from "../formats/rows.ts";
import { parseHyperparameters } from "../job/hyperparameters.ts";
import { runFit } from "../testkit/run-fit.ts";
import { Batches } from "./batches.ts";
import { factorizationMachines } from "./factorization-machines.ts";
import { reference } from "./fixtures/reference.ts";
import { hyperparameters } from "./hyperparameters.ts";
import { openLearner, type Parameters } from "./learner.ts";
import { planOf } from "./plan.ts";

const { width, rows, ratings, train, begin } = reference;
const factors = begin.factors.length / width;

/** Rows of ones, as the platform's readers yield them. */
function sparseOf(some: readonly (readonly number[])[]): SparseRows {
  const offsets = new Float64Array(some.length + 1);
  some.forEach((row, i) => {
    offsets[i + 1] = (offsets[i] as number) + row.length;
  });
  const columns = Uint32Array.from(some.flat());
  return {
    kind: "sparse",
    count: some.length,
    width,
    offsets,
    columns,
    values: new Float32Array(columns.length).fill(1),
  };
}

describe.for(["regressor", "binary_classifier"] as const)("a %s", (predictor_type) => {
  // The same steps in the same precision; what is added in another order differs by 1e-7 of its size, and a step has up
  // to a hundredth of it: twenty-odd mini-batches keep four digits. eps is large enough to tame gradients near 0.
  test("learns from films what Apache MXNet's graph, gradients and lazy Adam do", async () => {
    const { hyperparameters: given, end } = reference.training[predictor_type];
    const parsed = parseHyperparameters(hyperparameters, {
      ...given,
      predictor_type,
      feature_dim: String(width),
      num_factors: String(factors),
    });
    const start: Parameters = {
      bias: begin.bias,
      linear: Float32Array.from(begin.linear),
      factors: Float32Array.from(begin.factors),
    };
    const learner = await openLearner(planOf(parsed), start, 1);
    const labels = Float32Array.from(ratings.slice(0, train), (rating) =>
      predictor_type === "regressor" ? rating : Number(rating >= 7),
    );
    const table = { features: sparseOf(rows.slice(0, train)), labels, labelWidth: 1, firstRow: 0 };
    const batches = new Batches(learner, parsed);
    for (let epoch = 0; epoch < parsed.epochs; epoch++) {
      const blocks = (async function* () {
        yield table;
      })();
      for await (const filled of batches.of(blocks, "train")) learner.train(filled);
    }
    const learned = learner.parameters();
    expect(learned.bias).toBeCloseTo(end.bias, 4);
    for (const part of ["linear", "factors"] as const) {
      const furthest = Math.max(...end[part].map((wanted, i) => Math.abs(wanted - (learned[part][i] as number))));
      expect(furthest).toBeLessThan(2e-4);
      // They have moved by far more than that.
      expect(Math.max(...end[part].map((wanted, i) => Math.abs(wanted - (begin[part][i] as number))))).toBeGreaterThan(
        0.1,
      );
    }
    await learner.close();
  });
});

test("films that were not seen are rated nearly as well as by myFM, and better than by ridge regression", async () => {
  const fileOf = (from: number, to: number) =>
    encodeRecordFrames(
      rows.slice(from, to).map((keys, i) => ({
        features: new Map([["values", { type: "float32", values: keys.map(() => 1), keys, shape: [width] }]]),
        label: new Map([["values", { type: "float32", values: [ratings[from + i] as number] }]]),
      })),
    );
  const result = await runFit(factorizationMachines, {
    given: {
      predictor_type: "regressor",
      feature_dim: String(width),
      num_factors: String(factors),
      epochs: "50",
      mini_batch_size: "20",
      bias_lr: "0.02",
      bias_wd: "0",
      linear_lr: "0.003",
      linear_wd: "0.02",
      factors_lr: "0.005",
      factors_wd: "0.1",
      factors_init_sigma: "0.05",
    },
    contentType: "application/x-recordio-protobuf",
    channels: { train: { "films.pbr": fileOf(0, train) }, test: { "films.pbr": fileOf(train, rows.length) } },
  });
  const rmse = result.metric("test:rmse")[0] as number;
  // myFM averages 300 models that its sampler draws; ours is one.
  expect(rmse).toBeLessThan(1.03 * reference.rmse.myfm);
  expect(rmse).toBeLessThan(reference.rmse.ridge);
});
