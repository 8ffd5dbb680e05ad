import { expect, test } from "vitest";
import type { Fleet } from "../../../serving/fleet.ts";
import { type DeploymentConfig, deploymentOf } from "./deployment-config.ts";

function fleet(...counts: number[]): Fleet {
  const container = { image: "i", environment: {}, needsIsolation: false };
  const variants = counts.map((desiredInstanceCount, at) => ({
    ...{ name: `v${at}`, modelName: "m", instanceType: "ml.m5.large", weight: 1, startupTimeoutSeconds: 480 },
    ...{ desiredInstanceCount, container, instances: [] },
  }));
  return { id: 1, configName: "c", role: "incoming", since: 0, variants };
}

const canary = (Type: "INSTANCE_COUNT" | "CAPACITY_PERCENT", Value: number): DeploymentConfig => ({
  BlueGreenUpdatePolicy: {
    TrafficRoutingConfiguration: { Type: "CANARY", WaitIntervalInSeconds: 60, CanarySize: { Type, Value } },
    TerminationWaitInSeconds: 120,
  },
});
const linear = (Value: number): DeploymentConfig => ({
  BlueGreenUpdatePolicy: {
    TrafficRoutingConfiguration: {
      ...{ Type: "LINEAR", WaitIntervalInSeconds: 10 },
      LinearStepSize: { Type: "CAPACITY_PERCENT", Value },
    },
  },
});
const rolling = (
  Value: number,
  Type: "INSTANCE_COUNT" | "CAPACITY_PERCENT" = "CAPACITY_PERCENT",
): DeploymentConfig => ({
  RollingUpdatePolicy: { MaximumBatchSize: { Type, Value }, WaitIntervalInSeconds: 5 },
});

test("each kind becomes its steps", () => {
  expect(deploymentOf(undefined, fleet(2))).toMatchObject({ kind: "blue-green", shares: [1], terminationWaitMs: 0 });
  expect(deploymentOf(canary("CAPACITY_PERCENT", 10), fleet(2))).toMatchObject({
    ...{ kind: "blue-green", shares: [0.1, 1], waitMs: 60_000, terminationWaitMs: 120_000 },
  });
  expect(deploymentOf(canary("INSTANCE_COUNT", 1), fleet(3, 1)).shares).toEqual([0.25, 1]);
  expect(deploymentOf(linear(40), fleet(1)).shares).toEqual([0.4, 0.8, 1]);
  expect(deploymentOf(linear(10), fleet(1)).shares).toHaveLength(10);
  expect(deploymentOf(rolling(50), fleet(4))).toMatchObject({
    ...{ kind: "rolling", shares: [0.5, 1], waitMs: 5_000, terminationWaitMs: 5_000 },
  });
  // The only instance cannot be divided.
  expect(deploymentOf(rolling(1, "INSTANCE_COUNT"), fleet(1)).shares).toEqual([1]);
  const plain: DeploymentConfig = {
    BlueGreenUpdatePolicy: {
      TrafficRoutingConfiguration: { Type: "ALL_AT_ONCE", WaitIntervalInSeconds: 30 },
      TerminationWaitInSeconds: 12,
    },
  };
  expect(deploymentOf(plain, fleet(2))).toMatchObject({ shares: [1], waitMs: 0, terminationWaitMs: 42_000 });
});

test.for<[string, DeploymentConfig, RegExp]>([
  ["both policies", { ...canary("CAPACITY_PERCENT", 10), ...rolling(10) }, /give one of them/u],
  [
    "a canary of more than half",
    canary("CAPACITY_PERCENT", 60),
    /CanarySize is 60 percent; it must be at most 50 percent/u,
  ],
  ["too many instances", canary("INSTANCE_COUNT", 3), /CanarySize is 3 of 4 instances; it must be at most 50 percent/u],
  ["steps that are too small", linear(5), /LinearStepSize is 5 percent; it must be at least 10 percent/u],
  ["batches that are too large", rolling(70), /MaximumBatchSize is 70 percent/u],
  [
    "a canary without size",
    { BlueGreenUpdatePolicy: { TrafficRoutingConfiguration: { Type: "CANARY", WaitIntervalInSeconds: 1 } } },
    /CanarySize is missing/u,
  ],
  [
    "less time than it waits",
    {
      BlueGreenUpdatePolicy: {
        ...canary("CAPACITY_PERCENT", 10).BlueGreenUpdatePolicy,
        TrafficRoutingConfiguration: {
          ...{ Type: "CANARY", WaitIntervalInSeconds: 500 },
          CanarySize: { Type: "CAPACITY_PERCENT", Value: 10 },
        },
        MaximumExecutionTimeoutInSeconds: 600,
      },
    },
    /MaximumExecutionTimeoutInSeconds is 600, and the waiting times alone take 620 seconds/u,
  ],
])("refused: %s", ([, config, message]) => {
  expect(() => deploymentOf(config, fleet(4))).toThrow(message);
});
