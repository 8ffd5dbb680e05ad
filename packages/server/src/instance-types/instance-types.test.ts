import { ProductionVariantInstanceType, TrainingInstanceType, TransformInstanceType } from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { instanceType } from "./instance-types.ts";

test.for([
  ["training", TrainingInstanceType],
  ["hosting", ProductionVariantInstanceType],
  ["transform", TransformInstanceType],
] as const)("every %s type of the API has a size and a price", ([, types]) => {
  const unknown = Object.values(types).filter((name) => {
    const type = instanceType(name);
    return !type || !(type.vcpus > 0 && type.memoryBytes > 0 && (type.usdPerHour ?? 0) > 0);
  });
  expect(unknown).toEqual([]);
});

test("a price that was listed is told from one that was derived", () => {
  expect(instanceType("ml.m5.xlarge")).toMatchObject({ usdPerHour: 0.23, priceBasis: "list" });
  expect(instanceType("ml.m8i.xlarge")).toMatchObject({ vcpus: 4, priceBasis: "estimate" });
});
