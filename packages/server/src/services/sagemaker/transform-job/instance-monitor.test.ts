import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { silentLog } from "../../../log.ts";
import type { MetricPoints, MetricStore } from "../../../metrics/metric-store.ts";
import { FakeEngine } from "../../../serving/testkit/fake-engine.ts";
import { InstanceMonitor } from "./instance-monitor.ts";
import type { TransformJobRecord } from "./transform-job.ts";

test("what an instance used is told of it under the job's name, once it has ended", async () => {
  const put: MetricPoints[] = [];
  const hostMetrics = {
    put: async (points: readonly MetricPoints[]) => void put.push(...points),
  } as unknown as MetricStore;
  const began = performance.now();
  const engine = Object.assign(new FakeEngine(), {
    usage: async () => ({
      // One core, all the time.
      cpuSeconds: (performance.now() - began) / 1_000,
      ...{ memoryBytes: 2 ** 30, readBytes: 0, writtenBytes: 0, receivedBytes: 0, sentBytes: 0 },
    }),
  });
  const monitor = new InstanceMonitor({ engine, hostMetrics, log: silentLog });
  const record = {
    ...{ account: "1", region: "eu-west-1", name: "Job" },
    value: { spec: { TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1 } } },
  } as unknown as TransformJobRecord;
  monitor.watch("b-0-1", record, "i-1");
  await sleep(200);
  await monitor.end("b-0-1");
  expect(put.map(({ name, unit, dimensions, namespace }) => ({ name, unit, dimensions, namespace }))).toEqual(
    ["CPUUtilization", "MemoryUtilization"].map((name) => ({
      ...{ name, unit: "Percent", namespace: "/aws/sagemaker/TransformJobs" },
      dimensions: [["Host", "Job/i-1"]],
    })),
  );
  await engine.close();
});
