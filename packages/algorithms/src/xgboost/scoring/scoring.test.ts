import { beforeAll, describe, expect, test } from "vitest";
import type { DenseRows, SparseRows } from "../../formats/rows.ts";
import { XGBoostLibrary } from "../library/library.ts";
import { testLibrary } from "../testkit/xgboost-job.ts";
import { readModel } from "./format/read-model.ts";
import { scorerOf } from "./scorer.ts";
import { randomModel } from "./testkit/random-model.ts";
import { unlike } from "./testkit/unlike.ts";

const batches = Array.from({ length: 10 }, (_, batch) => batch);
const perBatch = 50;

// Versions with a wheel of the processor alone; those before 2.1 bring 200 MB of code for GPUs, and are in the fixtures.
describe.for([
  ["3.0.5", 0],
  ["3.2.0", 500],
] as const)("500 random models of XGBoost %s", ([version, firstSeed]) => {
  let library: XGBoostLibrary;
  beforeAll(() => {
    library = new XGBoostLibrary(testLibrary(version));
  }, 300_000);

  test.for(batches)("are scored as the library scores them, batch %i", (batch) => {
    const seen = new Set<string>();
    const first = firstSeed + batch * perBatch;
    for (let seed = first; seed < first + perBatch; seed++) {
      const { settings, format, file, rows, value, margin } = randomModel(library, seed);
      const name = `model ${seed}, ${format}, ${JSON.stringify(settings)}`;
      const scorer = scorerOf(readModel(file));
      expect(scorer.objective, name).toBe(settings["objective"]);
      expect(unlike(scorer.predict(rows, "margin"), margin), `margins of ${name}`).toEqual([]);
      expect(unlike(scorer.predict(rows, "value"), value), `answers of ${name}`).toEqual([]);
      expect(scorer.predict(sparse(rows), "value"), `sparse rows of ${name}`).toEqual(scorer.predict(rows, "value"));
      seen.add(settings["booster"] as string).add(format);
    }
    expect([...seen]).toEqual(expect.arrayContaining(["dart", "gblinear", "gbtree", "json", "ubj"]));
  });
});

function sparse({ count, width, values }: DenseRows): SparseRows {
  const entries = Array.from(values, (value, at) => ({
    row: Math.floor(at / width),
    column: at % width,
    value,
  })).filter(({ value }) => !Number.isNaN(value));
  const offsets = new Float64Array(count + 1);
  for (const { row } of entries) (offsets[row + 1] as number) += 1;
  for (let row = 0; row < count; row++) (offsets[row + 1] as number) += offsets[row] as number;
  return {
    kind: "sparse",
    count,
    width,
    offsets,
    columns: Uint32Array.from(entries, ({ column }) => column),
    values: Float32Array.from(entries, ({ value }) => value),
  };
}
