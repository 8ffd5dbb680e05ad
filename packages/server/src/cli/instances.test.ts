import type { ResourceConfig } from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { instances, instanceTypes } from "./instances.ts";

const group = (InstanceGroupName: string, InstanceType: "ml.t3.medium" | "ml.m5.large", InstanceCount: number) => ({
  ...{ InstanceGroupName, InstanceType, InstanceCount },
});

test.for<[ResourceConfig, string, string[]]>([
  [{ InstanceType: "ml.m5.large", InstanceCount: 2 }, "2 x ml.m5.large", ["ml.m5.large"]],
  [
    { InstanceGroups: [group("train", "ml.m5.large", 2), group("data", "ml.t3.medium", 1)] },
    "train: 2 x ml.m5.large, data: 1 x ml.t3.medium",
    ["ml.m5.large", "ml.t3.medium"],
  ],
  [
    { InstanceGroups: [group("a", "ml.m5.large", 1), group("b", "ml.m5.large", 1), group("c", "ml.t3.medium", 0)] },
    "a: 1 x ml.m5.large, b: 1 x ml.m5.large, c: 0 x ml.t3.medium",
    ["ml.m5.large"],
  ],
])("instances of %o", ([resources, shown, types]) => {
  expect(instances(resources)).toBe(shown);
  expect(instanceTypes(resources)).toEqual(types);
});
