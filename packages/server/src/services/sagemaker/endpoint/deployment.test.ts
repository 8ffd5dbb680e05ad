import { PutMetricAlarmCommand, SetAlarmStateCommand } from "@aws-sdk/client-cloudwatch";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  type DeploymentConfig,
  DescribeEndpointCommand,
  UpdateEndpointCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { modelArchive, type ServingServer, startServingServer } from "../../../serving/testkit/serving-server.ts";

const EndpointName = "guarded";
let server: ServingServer;
let load: Load;
beforeEach(async () => {
  server = await startServingServer();
  server.engine.behaviour = (request, response, run) => {
    // Slow enough that requests are always under way.
    request.resume().on("end", () => setTimeout(() => response.end(run.spec.environment["GREETING"]), 5));
  };
  await configure("blue");
  await configure("green");
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName: "blue" }));
  await settled();
  load = startLoad();
});
afterEach(async () => {
  await load.stop();
  await server.close();
});

const instances = 4;
const patiently = { timeout: 30_000, interval: 5 };

test("canary: a share of traffic first, the rest when that has baked, the old fleet last", async () => {
  await update({
    BlueGreenUpdatePolicy: {
      TrafficRoutingConfiguration: {
        ...{ Type: "CANARY", WaitIntervalInSeconds: 6 },
        CanarySize: { Type: "CAPACITY_PERCENT", Value: 25 },
      },
      TerminationWaitInSeconds: 6,
    },
  });
  await pending(
    /^Baking for 6 seconds \(WaitIntervalInSeconds\) with traffic enabled on canary capacity of 1 instance/u,
  );
  expect(server.engine.running).toHaveLength(2 * instances);
  expect((await describe()).PendingDeploymentSummary).toMatchObject({
    EndpointConfigName: "green",
    ProductionVariants: [{ VariantName: "All", CurrentWeight: 0.25, CurrentInstanceCount: instances }],
  });
  const share = await load.shareOfGreen(100);
  // A quarter expected: six standard deviations are 0.26.
  expect(share).toBeGreaterThan(0);
  expect(share).toBeLessThan(0.5);
  // Who asks for the variant by name is part of the canary too.
  expect(["blue", "green"]).toContain(await invoke("All"));
  await pending(/^Baking for 6 seconds \(TerminationWaitInSeconds\) with traffic enabled on full capacity of 4/u);
  expect(await load.shareOfGreen(50)).toBe(1);
  expect((await describe()).EndpointConfigName).toBe("blue");
  await settled();
  expect(await describe()).toMatchObject({
    EndpointConfigName: "green",
    LastDeploymentConfig: { BlueGreenUpdatePolicy: { TerminationWaitInSeconds: 6 } },
  });
  expect((await describe()).PendingDeploymentSummary).toBeUndefined();
  await vi.waitFor(() => expect(server.engine.running).toHaveLength(instances), patiently);
  expect(load.failures).toEqual([]);
});

test("linear: traffic grows step by step", async () => {
  await update({
    BlueGreenUpdatePolicy: {
      TrafficRoutingConfiguration: {
        ...{ Type: "LINEAR", WaitIntervalInSeconds: 1 },
        LinearStepSize: { Type: "CAPACITY_PERCENT", Value: 34 },
      },
    },
  });
  const weights: number[] = [];
  await vi.waitFor(async () => {
    const { EndpointStatus, PendingDeploymentSummary } = await describe();
    const weight = PendingDeploymentSummary?.ProductionVariants?.[0]?.CurrentWeight;
    if (weight !== undefined && weights.at(-1) !== weight) weights.push(weight);
    expect(EndpointStatus).toBe("InService");
  }, patiently);
  expect(weights).toEqual([0.34, 0.68]);
  expect(await load.shareOfGreen(50)).toBe(1);
  expect(load.failures).toEqual([]);
});

test("rolling: batches take turns, so that a few more instances are enough", async () => {
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, server.engine.running.length);
  }, 2);
  await update({
    RollingUpdatePolicy: { MaximumBatchSize: { Type: "INSTANCE_COUNT", Value: 1 }, WaitIntervalInSeconds: 0 },
  });
  await settled();
  await vi.waitFor(() => expect(server.engine.running).toHaveLength(instances), patiently);
  clearInterval(watch);
  // One batch more, and one that may still be draining.
  expect(most).toBeGreaterThan(instances);
  expect(most).toBeLessThanOrEqual(instances + 2);
  expect(await load.shareOfGreen(50)).toBe(1);
  expect(load.failures).toEqual([]);
});

test("a server that is killed in the middle of a deployment goes on where it was", async () => {
  await load.stop();
  await update({
    BlueGreenUpdatePolicy: {
      TrafficRoutingConfiguration: {
        ...{ Type: "CANARY", WaitIntervalInSeconds: 3 },
        CanarySize: { Type: "INSTANCE_COUNT", Value: 1 },
      },
    },
  });
  await pending(/^Baking for 3 seconds/u);
  const before = server.engine.running.map(({ id }) => id).sort();
  const { behaviour } = server.engine;
  server = await server.restart();
  server.engine.behaviour = behaviour;
  expect(await describe()).toMatchObject({ EndpointStatus: "Updating", EndpointConfigName: "blue" });
  expect(server.engine.running.map(({ id }) => id).sort()).toEqual(before);
  await settled();
  expect((await describe()).EndpointConfigName).toBe("green");
  expect(await invoke()).toBe("green");
});

test("a new fleet that breaks while it rolls goes, and the old one is whole again", async () => {
  let starts = 0;
  server.engine.onStart = (spec) =>
    spec.environment["GREETING"] === "green" && ++starts > 2 ? { exitCode: 5 } : undefined;
  await update({
    RollingUpdatePolicy: { MaximumBatchSize: { Type: "INSTANCE_COUNT", Value: 1 }, WaitIntervalInSeconds: 0 },
  });
  await settled();
  expect(await describe()).toMatchObject({
    EndpointConfigName: "blue",
    FailureReason: /variant All did not pass the ping health check.*exited with code 5/u,
  });
  await vi.waitFor(() => expect(server.engine.running).toHaveLength(instances), patiently);
  expect(await load.shareOfGreen(50)).toBe(0);
  expect(load.failures).toEqual([]);
});

test("an alarm takes traffic back, and the endpoint goes on as it was", async () => {
  const alarm = {
    ...{
      AlarmName: "errors",
      Namespace: "AWS/SageMaker",
      MetricName: "Invocation5XXErrors",
      Statistic: "Sum" as const,
    },
    ...{ Period: 60, EvaluationPeriods: 1, Threshold: 0, ComparisonOperator: "GreaterThanThreshold" as const },
    Dimensions: [
      { Name: "EndpointName", Value: EndpointName },
      { Name: "VariantName", Value: "All" },
    ],
  };
  const guarded: DeploymentConfig = {
    BlueGreenUpdatePolicy: {
      TrafficRoutingConfiguration: {
        ...{ Type: "CANARY", WaitIntervalInSeconds: 600 },
        CanarySize: { Type: "CAPACITY_PERCENT", Value: 50 },
      },
    },
    AutoRollbackConfiguration: { Alarms: [{ AlarmName: "errors" }] },
  };
  await expect(update(guarded)).rejects.toThrow(/Could not find alarm "errors"/u);
  await server.cloudwatch.send(new PutMetricAlarmCommand(alarm));
  await update(guarded);
  await pending(/^Baking for 600 seconds/u);
  await server.cloudwatch.send(
    new SetAlarmStateCommand({ AlarmName: "errors", StateValue: "ALARM", StateReason: "by hand" }),
  );
  await settled();
  expect(await describe()).toMatchObject({
    EndpointConfigName: "blue",
    FailureReason: "Alarm errors went into ALARM during the deployment; traffic went back to the old fleet.",
  });
  await vi.waitFor(() => expect(server.engine.running).toHaveLength(instances), patiently);
  expect(await load.shareOfGreen(50)).toBe(0);
  expect(load.failures).toEqual([]);
});

test("what invocations are counted is there as metrics", async () => {
  await load.shareOfGreen(20);
  await load.stop();
  await server.publish();
  const dimensions = [
    ["EndpointName", EndpointName],
    ["VariantName", "All"],
  ] as const;
  const scope = { partition: "aws", account: server.account, region: "eu-west-1" };
  const now = Math.ceil(Date.now() / 60_000) * 60;
  const read = async (name: string) => {
    const metric = { scope, namespace: "AWS/SageMaker", name, dimensions, from: now - 600, to: now + 60, period: 660 };
    return (await server.platform.metrics.statistics(metric))[0];
  };
  const total = server.serving.metrics.of(scope, EndpointName, "All");
  const { invocations, model } = total.totals();
  expect(invocations).toBeGreaterThan(20);
  expect(await read("Invocations")).toMatchObject({ unit: "None", values: { count: invocations, sum: invocations } });
  expect((await read("InvocationsPerInstance"))?.values.sum).toBeCloseTo(invocations / instances);
  expect((await read("Invocation4XXErrors"))?.values).toMatchObject({ count: invocations, sum: 0, max: 0 });
  const latency = await read("ModelLatency");
  expect(latency?.unit).toBe("Microseconds");
  expect(latency?.values.sum).toBeCloseTo(model.sumMs * 1_000);
  // The model waits for 5 ms.
  expect(latency?.values.min).toBeGreaterThan(4_000);
});

test("a deployment is kept for the next update, when that asks for it", async () => {
  const config: DeploymentConfig = {
    RollingUpdatePolicy: { MaximumBatchSize: { Type: "CAPACITY_PERCENT", Value: 50 }, WaitIntervalInSeconds: 0 },
  };
  await update(config);
  await settled();
  await server.sagemaker.send(
    new UpdateEndpointCommand({ EndpointName, EndpointConfigName: "blue", RetainDeploymentConfig: true }),
  );
  await settled();
  expect(await describe()).toMatchObject({ EndpointConfigName: "blue", LastDeploymentConfig: config });
  const both = { EndpointName, EndpointConfigName: "green", RetainDeploymentConfig: true, DeploymentConfig: config };
  await expect(server.sagemaker.send(new UpdateEndpointCommand(both))).rejects.toThrow(/exclude each other/u);
});

interface Load {
  readonly failures: unknown[];
  /** Of the next so many answers. */
  shareOfGreen(answers: number): Promise<number>;
  stop(): Promise<void>;
}

/** Six callers without a pause. */
function startLoad(): Load {
  const failures: unknown[] = [];
  const answers: string[] = [];
  let isOver = false;
  const callers = Array.from({ length: 6 }, async () => {
    while (!isOver)
      await invoke().then(
        (answer) => answers.push(answer),
        (error: unknown) => failures.push(error),
      );
  });
  return {
    failures,
    async shareOfGreen(count) {
      // What was under way before does not count.
      const from = answers.length + callers.length;
      await vi.waitFor(() => expect(answers.length).toBeGreaterThanOrEqual(from + count), patiently);
      const seen = answers.slice(from, from + count);
      return seen.filter((answer) => answer === "green").length / seen.length;
    },
    async stop() {
      isOver = true;
      await Promise.all(callers);
    },
  };
}

/** A model and a configuration whose variant answers with the configuration's name. */
async function configure(name: string): Promise<void> {
  const ModelDataUrl = await server.upload(`${name}.tar.gz`, modelArchive());
  const PrimaryContainer = { Image: "linear-learner", ModelDataUrl, Environment: { GREETING: name } };
  const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn, PrimaryContainer }));
  const variant = { VariantName: "All", ModelName: name, InstanceType: "ml.m5.large" as const };
  const ProductionVariants = [{ ...variant, InitialInstanceCount: instances }];
  await server.sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants }));
}

async function update(config: DeploymentConfig): Promise<void> {
  const asked = { EndpointName, EndpointConfigName: "green", DeploymentConfig: config };
  await server.sagemaker.send(new UpdateEndpointCommand(asked));
}

async function describe() {
  return await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
}

async function pending(message: RegExp): Promise<void> {
  await vi.waitFor(async () => {
    const [variant] = (await describe()).PendingDeploymentSummary?.ProductionVariants ?? [];
    expect(variant?.VariantStatus?.[0]?.StatusMessage).toMatch(message);
  }, patiently);
}

async function settled(): Promise<void> {
  await vi.waitFor(async () => expect((await describe()).EndpointStatus).toBe("InService"), patiently);
}

async function invoke(TargetVariant?: string): Promise<string> {
  const answer = await server.runtime.send(
    new InvokeEndpointCommand({ EndpointName, Body: Buffer.from("x"), ...(TargetVariant && { TargetVariant }) }),
  );
  return Buffer.from(answer.Body).toString();
}
