import { PutMetricAlarmCommand, SetAlarmStateCommand } from "@aws-sdk/client-cloudwatch";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  type DeploymentConfig,
  DescribeEndpointCommand,
  UpdateEndpointCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FakeRun } from "../../../serving/testkit/fake-engine.ts";
import { modelArchive, type ServingServer, startServingServer } from "../../../serving/testkit/serving-server.ts";

/** What deployment.test.ts and capacities.test.ts do not put under load: crashes, also in the middle of changes, and variants that go. */
const EndpointName = "busy";
const patiently = { timeout: 25_000, interval: 5 };
let server: ServingServer;
let load: ReturnType<typeof startLoad>;
beforeEach(async () => {
  server = await startServingServer();
  server.engine.behaviour = (request, response, run) => {
    // Slow enough that requests are always under way, in every instance.
    request.resume().on("end", () => setTimeout(() => response.end(versionOf(run)), 5));
  };
  for (const version of ["blue", "green"]) {
    const ModelDataUrl = await server.upload(`${version}.tar.gz`, modelArchive());
    const PrimaryContainer = { Image: "linear-learner", ModelDataUrl, Environment: { VERSION: version } };
    const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
    await server.sagemaker.send(new CreateModelCommand({ ModelName: version, ExecutionRoleArn, PrimaryContainer }));
  }
  await configure("blue", [variant("All", "blue")]);
  await configure("green", [variant("All", "green")]);
});
afterEach(async () => {
  await load.stop();
  await server.close();
});

test("no request fails while instances crash, one after the other", async () => {
  await create("blue");
  for (let n = 0; n < 4; n++) {
    await load.more(30);
    const [victim] = runsOf("blue");
    server.engine.crash(victim?.id ?? "", 137);
    await vi.waitFor(() => expect(runsOf("blue")).toHaveLength(3), patiently);
    await allReady();
  }
  await load.stop();
  expect(load.failures).toEqual([]);
  expect(await describe()).toMatchObject({ EndpointStatus: "InService" });
});

test("no request fails when instances of either fleet crash in the middle of a canary, nor when it is taken back", async () => {
  await create("blue");
  await server.cloudwatch.send(
    new PutMetricAlarmCommand({
      ...{ AlarmName: "a", Namespace: "n", MetricName: "m", Statistic: "Sum", Period: 60, EvaluationPeriods: 1 },
      ...{ Threshold: 0, ComparisonOperator: "GreaterThanThreshold", TreatMissingData: "notBreaching" },
    }),
  );
  await update("green", {
    BlueGreenUpdatePolicy: {
      TrafficRoutingConfiguration: {
        ...{ Type: "CANARY", WaitIntervalInSeconds: 600 },
        CanarySize: { Type: "CAPACITY_PERCENT", Value: 50 },
      },
    },
    AutoRollbackConfiguration: { Alarms: [{ AlarmName: "a" }] },
  });
  await vi.waitFor(async () => {
    const [pending] = (await describe()).PendingDeploymentSummary?.ProductionVariants ?? [];
    expect(pending?.VariantStatus?.[0]?.Status).toBe("Baking");
  }, patiently);
  for (const version of ["green", "blue"]) {
    await load.more(50);
    server.engine.crash(runsOf(version)[0]?.id ?? "", 137);
    await vi.waitFor(() => expect(runsOf(version)).toHaveLength(3), patiently);
  }
  await load.more(50);
  await server.cloudwatch.send(new SetAlarmStateCommand({ AlarmName: "a", StateValue: "ALARM", StateReason: "test" }));
  await settled();
  await load.more(50);
  await load.stop();
  expect((await describe()).EndpointConfigName).toBe("blue");
  expect(load.failures).toEqual([]);
});

test("no request fails when an instance crashes while batches roll", async () => {
  await create("blue");
  await update("green", {
    RollingUpdatePolicy: { MaximumBatchSize: { Type: "INSTANCE_COUNT", Value: 1 }, WaitIntervalInSeconds: 1 },
  });
  await vi.waitFor(() => expect(runsOf("green")).toHaveLength(1), patiently);
  await load.more(30);
  server.engine.crash(runsOf("blue")[0]?.id ?? "", 137);
  await settled();
  await load.more(30);
  await load.stop();
  expect((await describe()).EndpointConfigName).toBe("green");
  expect(load.failures).toEqual([]);
});

test("no request fails while variants come, change their weights and counts, and go", async () => {
  await configure("both", [variant("All", "blue"), variant("Other", "green")]);
  await create("blue");
  await update("both");
  await settled();
  for (const [all, other] of [
    [0, 1],
    [1, 0],
    [5, 1],
  ] as const) {
    await change({ VariantName: "All", DesiredWeight: all }, { VariantName: "Other", DesiredWeight: other });
    await load.more(30);
  }
  await change({ VariantName: "All", DesiredInstanceCount: 1 }, { VariantName: "Other", DesiredInstanceCount: 1 });
  await load.more(30);
  await change({ VariantName: "Other", DesiredInstanceCount: 0 });
  await load.more(30);
  await update("green");
  await settled();
  await load.more(30);
  await load.stop();
  expect(load.failures).toEqual([]);
  expect(await describe()).toMatchObject({ EndpointConfigName: "green", ProductionVariants: [{ VariantName: "All" }] });
});

const versionOf = (run: FakeRun) => run.spec.environment["VERSION"];
const runsOf = (version: string) => server.engine.running.filter((run) => versionOf(run) === version);
const describe = () => server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));

function variant(VariantName: string, ModelName: string) {
  return { VariantName, ModelName, InstanceType: "ml.m5.large" as const, InitialInstanceCount: 3 };
}

async function configure(EndpointConfigName: string, ProductionVariants: ReturnType<typeof variant>[]): Promise<void> {
  await server.sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName, ProductionVariants }));
}

async function create(EndpointConfigName: string): Promise<void> {
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName }));
  await settled();
  load = startLoad();
}

async function update(EndpointConfigName: string, config?: DeploymentConfig): Promise<void> {
  await server.sagemaker.send(
    new UpdateEndpointCommand({ EndpointName, EndpointConfigName, ...(config && { DeploymentConfig: config }) }),
  );
}

async function change(
  ...DesiredWeightsAndCapacities: { VariantName: string; DesiredWeight?: number; DesiredInstanceCount?: number }[]
) {
  await server.sagemaker.send(
    new UpdateEndpointWeightsAndCapacitiesCommand({ EndpointName, DesiredWeightsAndCapacities }),
  );
  await settled();
}

async function settled(): Promise<void> {
  await vi.waitFor(async () => expect((await describe()).EndpointStatus).toBe("InService"), patiently);
}

/** Every instance that is wanted takes requests. */
async function allReady(): Promise<void> {
  await vi.waitFor(async () => {
    const [only] = (await describe()).ProductionVariants ?? [];
    expect(only?.CurrentInstanceCount).toBe(3);
  }, patiently);
}

/** Eight callers without a pause, who do not try again. */
function startLoad() {
  const failures: unknown[] = [];
  let [answers, isOver] = [0, false];
  const callers = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      await server.runtime.send(new InvokeEndpointCommand({ EndpointName, Body: Buffer.from("x") })).then(
        () => answers++,
        (error: unknown) => failures.push(error),
      );
    }
  });
  return {
    failures,
    async more(count: number) {
      const before = answers;
      await vi.waitFor(() => expect(answers).toBeGreaterThanOrEqual(before + count), patiently);
    },
    async stop() {
      isOver = true;
      await Promise.all(callers);
    },
  };
}
