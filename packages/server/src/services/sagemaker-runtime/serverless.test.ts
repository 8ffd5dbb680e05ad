import { availableParallelism, totalmem } from "node:os";
import { GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  type CreateEndpointConfigCommandInput,
  CreateModelCommand,
  DescribeEndpointCommand,
  type ProductionVariantServerlessConfig,
  UpdateEndpointCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { modelArchive, type ServingServer, startServingServer } from "../../serving/testkit/serving-server.ts";

const EndpointName = "seldom";
let server: ServingServer;
beforeEach(async () => {
  server = await startServingServer({ idleMs: 100 });
  const ModelDataUrl = await server.upload("model.tar.gz", modelArchive());
  const PrimaryContainer = { Image: "linear-learner", ModelDataUrl };
  const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  await server.sagemaker.send(new CreateModelCommand({ ModelName: "m", ExecutionRoleArn, PrimaryContainer }));
});
afterEach(() => server.close());

const patiently = { timeout: 25_000, interval: 5 };

test("an environment comes with the first request, goes without, and comes again, over restarts of the server", async () => {
  await deploy({ MemorySizeInMB: 2048, MaxConcurrency: 2 });
  expect(server.engine.runs.get(server.engine.started[0] ?? "")?.spec.resources).toMatchObject({
    memoryBytes: Math.min(2 ** 31, totalmem()),
  });
  const described = await describe();
  expect(described.ProductionVariants).toMatchObject([
    { CurrentServerlessConfig: { MemorySizeInMB: 2048, MaxConcurrency: 2 }, DesiredInstanceCount: 1 },
  ]);
  await environments(0);
  expect(await describe()).toMatchObject({ EndpointStatus: "InService" });
  expect(await invoke("cold")).toBe("cold");
  await environments(0);
  server = await server.restart();
  expect(await invoke("colder")).toBe("colder");
  await server.publish();
  expect(await metric("Invocations", "Sum")).toBe(1);
  expect(await metric("ServerlessConcurrentExecutionsUtilization", "Maximum")).toBe(0.5);
  // One that was there before the restart is used, and goes like any other.
  server = await server.restart();
  await environments(0);
  expect(server.engine.started).toHaveLength(3);
});

test("each request has an environment for itself, and more than MaxConcurrency are throttled", async () => {
  await deploy({ MemorySizeInMB: 1024, MaxConcurrency: 2 });
  const held: (() => void)[] = [];
  server.engine.behaviour = (request, response) => {
    request.resume();
    held.push(() => response.end("done"));
  };
  const first = [invoke("a"), invoke("b")];
  await vi.waitFor(() => expect(held).toHaveLength(2), patiently);
  expect(server.engine.running.map(({ requests }) => requests.length)).toEqual([1, 1]);
  await expect(invoke("c")).rejects.toMatchObject({ name: "ThrottlingException", message: /2 requests under way/u });
  for (const answer of held.splice(0)) answer();
  expect(await Promise.all(first)).toEqual(["done", "done"]);
  await server.publish();
  expect(await metric("ServerlessConcurrentExecutionsUtilization", "Maximum")).toBe(1);
  expect(await metric("ModelSetupTime", "SampleCount")).toBe(1);
  expect(await metric("ModelSetupTime", "Maximum")).toBeGreaterThan(0);
});

test("more requests than environments wait for one to become free", async () => {
  await deploy({ MemorySizeInMB: 6144, MaxConcurrency: 100 });
  const texts = Array.from({ length: 40 }, (_, i) => `r${i}`);
  expect(await Promise.all(texts.map(invoke))).toEqual(texts);
  const most = 2 * availableParallelism();
  expect(server.engine.started.length).toBeLessThanOrEqual(most);
  await environments(0);
});

test("provisioned concurrency stays, is changed while it serves, and is counted", async () => {
  await deploy({ MemorySizeInMB: 1024, MaxConcurrency: 3, ProvisionedConcurrency: 2 });
  await environments(2);
  const held: (() => void)[] = [];
  server.engine.behaviour = (request, response) => {
    request.resume();
    held.push(() => response.end("done"));
  };
  const requests = [invoke("a"), invoke("b"), invoke("c")];
  await vi.waitFor(() => expect(held).toHaveLength(3), patiently);
  for (const answer of held.splice(0)) answer();
  await Promise.all(requests);
  await environments(2);
  await change({ ServerlessUpdateConfig: { MaxConcurrency: 5, ProvisionedConcurrency: 1 } });
  await environments(1);
  expect((await describe()).ProductionVariants).toMatchObject([
    { DesiredServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 5, ProvisionedConcurrency: 1 } },
  ]);
  await expect(change({ ServerlessUpdateConfig: { MaxConcurrency: 1, ProvisionedConcurrency: 2 } })).rejects.toThrow(
    /ProvisionedConcurrency \(2\) must not be above MaxConcurrency \(1\)/u,
  );
  await server.publish();
  expect(await metric("ServerlessProvisionedConcurrencySpilloverInvocations", "Sum")).toBe(1);
  expect(await metric("ServerlessProvisionedConcurrencyInvocations", "Sum")).toBe(2);
  expect(await metric("ServerlessProvisionedConcurrencyUtilization", "Maximum")).toBe(1);
});

test("a stopped one stays stopped, also over a restart, until it is started", async () => {
  await deploy({ MemorySizeInMB: 1024, MaxConcurrency: 3, ProvisionedConcurrency: 1 });
  await change({ DesiredInstanceCount: 0 });
  await environments(0);
  await expect(invoke("x")).rejects.toMatchObject({ name: "ValidationError", message: /its instance count is 0/u });
  server = await server.restart();
  await expect(invoke("x")).rejects.toThrow(/its instance count is 0/u);
  expect((await describe()).ProductionVariants).toMatchObject([{ DesiredInstanceCount: 0 }]);
  await change({ DesiredInstanceCount: 1 });
  expect(await invoke("x")).toBe("x");
  await expect(change({ DesiredInstanceCount: 2 })).rejects.toThrow(/is serverless; use ServerlessUpdateConfig/u);
});

test("an environment that dies while it starts is followed by another one; a dead one is replaced", async () => {
  await deploy({ MemorySizeInMB: 1024, MaxConcurrency: 1 });
  await environments(0);
  let deaths = 0;
  server.engine.onStart = () => (deaths++ === 0 ? { exitCode: 1 } : undefined);
  expect(await invoke("x")).toBe("x");
  expect(deaths).toBe(2);
  await expect(invoke("x".repeat(4 * 1024 * 1024 + 1))).rejects.toThrow(/serverless endpoints take at most 4194304/u);
});

test("updates go from one serverless configuration to another and to instances, not from instances", async () => {
  await deploy({ MemorySizeInMB: 1024, MaxConcurrency: 2 });
  await configure("bigger", { MemorySizeInMB: 3072, MaxConcurrency: 4 });
  await server.sagemaker.send(new UpdateEndpointCommand({ EndpointName, EndpointConfigName: "bigger" }));
  expect(await invoke("during")).toBe("during");
  await inService("bigger");
  expect((await describe()).ProductionVariants).toMatchObject([{ CurrentServerlessConfig: { MemorySizeInMB: 3072 } }]);
  expect(await invoke("after")).toBe("after");
  await environments(0);
  await create("instances", { InstanceType: "ml.m5.large", InitialInstanceCount: 1 });
  await server.sagemaker.send(new UpdateEndpointCommand({ EndpointName, EndpointConfigName: "instances" }));
  await inService("instances");
  expect((await describe()).ProductionVariants?.[0]).not.toHaveProperty("CurrentServerlessConfig");
  expect(await invoke("instances")).toBe("instances");
  const back = server.sagemaker.send(new UpdateEndpointCommand({ EndpointName, EndpointConfigName: "bigger" }));
  await expect(back).rejects.toThrow(/with instances to serverless/u);
});

type Variants = CreateEndpointConfigCommandInput["ProductionVariants"];
const serverless = { MemorySizeInMB: 1024, MaxConcurrency: 1 };
const variant = { VariantName: "All", ModelName: "m" };

test.for<[string, Partial<CreateEndpointConfigCommandInput>, RegExp]>([
  [
    "an odd memory size",
    of({ ServerlessConfig: { MemorySizeInMB: 1500, MaxConcurrency: 1 } }),
    /must be one of 1024, 2048/u,
  ],
  [
    "too many at once",
    of({ ServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 201 } }),
    /less than or equal to 200/u,
  ],
  [
    "more provisioned than allowed",
    of({ ServerlessConfig: { ...serverless, ProvisionedConcurrency: 2 } }),
    /ProvisionedConcurrency \(2\) must not be above/u,
  ],
  ["instances", of({ ServerlessConfig: serverless, InstanceType: "ml.m5.large" }), /do not support InstanceType/u],
  ["isolation", { ...of({ ServerlessConfig: serverless }), EnableNetworkIsolation: true }, /EnableNetworkIsolation/u],
  [
    "two variants",
    {
      ProductionVariants: [
        { ...variant, ServerlessConfig: serverless },
        { ...variant, VariantName: "b", ServerlessConfig: serverless },
      ],
    },
    /several production variants/u,
  ],
])("a configuration with %s is refused", async ([, input, message]) => {
  const ProductionVariants = input.ProductionVariants as Variants;
  const config = { EndpointConfigName: "wrong", ...input, ProductionVariants };
  await expect(server.sagemaker.send(new CreateEndpointConfigCommand(config))).rejects.toThrow(message);
});

function of(more: object): Partial<CreateEndpointConfigCommandInput> {
  return { ProductionVariants: [{ ...variant, ...more }] };
}

/** Waits until so many environments run, and none is on its way. */
async function environments(count: number): Promise<void> {
  await vi.waitFor(async () => {
    expect(server.engine.running).toHaveLength(count);
    const { records } = await server.platform.store.list<{ fleets: { variants: { instances: unknown[] }[] }[] }>({
      ...{ kind: "endpoint", limit: 10 },
    });
    const instances = records[0]?.value.fleets.flatMap(({ variants }) => variants.flatMap((each) => each.instances));
    expect(instances).toHaveLength(count);
  }, patiently);
}

async function invoke(text: string): Promise<string> {
  const { Body } = await server.runtime.send(new InvokeEndpointCommand({ EndpointName, Body: Buffer.from(text) }));
  return Buffer.from(Body).toString();
}

function describe() {
  return server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
}

async function inService(EndpointConfigName?: string): Promise<void> {
  const wanted = { EndpointStatus: "InService", ...(EndpointConfigName !== undefined && { EndpointConfigName }) };
  await vi.waitFor(async () => expect(await describe()).toMatchObject(wanted), patiently);
}

async function change(desired: object): Promise<void> {
  const DesiredWeightsAndCapacities = [{ VariantName: "All", ...desired }];
  await server.sagemaker.send(
    new UpdateEndpointWeightsAndCapacitiesCommand({ EndpointName, DesiredWeightsAndCapacities }),
  );
  await inService();
}

async function create(EndpointConfigName: string, more: object): Promise<void> {
  const ProductionVariants = [{ ...variant, ...more }];
  await server.sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName, ProductionVariants }));
}

function configure(EndpointConfigName: string, ServerlessConfig: ProductionVariantServerlessConfig): Promise<void> {
  return create(EndpointConfigName, { ServerlessConfig });
}

async function deploy(ServerlessConfig: ProductionVariantServerlessConfig): Promise<void> {
  await configure("c", ServerlessConfig);
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName: "c" }));
  await inService();
}

async function metric(MetricName: string, statistic: "Sum" | "Maximum" | "SampleCount"): Promise<number | undefined> {
  const Dimensions = [
    { Name: "EndpointName", Value: EndpointName },
    { Name: "VariantName", Value: "All" },
  ];
  const { Datapoints = [] } = await server.cloudwatch.send(
    new GetMetricStatisticsCommand({
      ...{ Namespace: "AWS/SageMaker", MetricName, Dimensions, Period: 3600, Statistics: [statistic] },
      ...{ StartTime: new Date(Date.now() - 3600_000), EndTime: new Date(Date.now() + 3600_000) },
    }),
  );
  return Datapoints.reduce<number | undefined>((found, each) => each[statistic] ?? found, undefined);
}
