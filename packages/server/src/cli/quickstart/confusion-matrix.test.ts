import { expect, test } from "vitest";
import { confusionMatrix } from "./confusion-matrix.ts";
import { penguins } from "./penguins.ts";

test("counts the truth by rows and predictions by columns", () => {
  const table = confusionMatrix(["a", "b"], [0, 0, 1, 1, 1], [0, 1, 1, 1, 0]);
  expect(table.split("\n").map((line) => line.trim().split(/\s{2,}/))).toEqual([
    ["true \\ predicted", "a", "b"],
    ["a", "1", "1"],
    ["b", "1", "2"],
  ]);
});

test("the penguins are all there, split once and for all", () => {
  const { train, heldOut, species } = penguins();
  expect(species).toEqual(["Adelie", "Chinstrap", "Gentoo"]);
  expect([train.length, heldOut.length]).toEqual([228, 114]);
  expect(heldOut[0]).toEqual(penguins().heldOut[0]);
});
