import { describe, expect, test } from "vitest";
import type { DenseRows } from "../../formats/rows.ts";
import { fileOf, reference } from "./fixtures/reference.ts";
import { readModel } from "./format/read-model.ts";
import { scorerOf } from "./scorer.ts";
import { unlike } from "./testkit/unlike.ts";

const width = reference.rows[0]?.length as number;
const rows: DenseRows = {
  kind: "dense",
  count: reference.rows.length,
  width,
  values: Float32Array.from(reference.rows.flat(), (value) => value ?? Number.NaN),
};
const cases = reference.models.flatMap((model) => Object.keys(model.files).map((format) => ({ ...model, format })));

describe("as Python's xgboost", () => {
  test.for(cases)("$version, $name, $format", ({ format, ...model }) => {
    const file = readModel(fileOf(model, format));
    expect(file.version.slice(0, 2).join(".")).toBe(model.version.split(".").slice(0, 2).join("."));
    const scorer = scorerOf(file);
    expect(scorer).toMatchObject({ objective: model.objective, features: width });
    expect(unlike(scorer.predict(rows, "margin"), model.margin.flat())).toEqual([]);
    expect(unlike(scorer.predict(rows, "value"), model.value.flat())).toEqual([]);
  });

  test("one row at a time as all of them", () => {
    for (const model of reference.models) {
      const scorer = scorerOf(readModel(fileOf(model, "json")));
      const each = reference.rows.map((_, i) => {
        const values = rows.values.subarray(i * width, (i + 1) * width);
        return [...scorer.predict({ kind: "dense", count: 1, width, values }, "value")];
      });
      expect(each.flat()).toEqual([...scorer.predict(rows, "value")]);
    }
  });
});
