import { text } from "node:stream/consumers";
import {
  DescribeScalingActivitiesCommand,
  PutScalingPolicyCommand,
  RegisterScalableTargetCommand,
} from "@aws-sdk/client-application-auto-scaling";
import { GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateInferenceComponentCommand,
  type CreateInferenceComponentCommandInput,
  CreateModelCommand,
  type DataCaptureConfig,
  DeleteEndpointCommand,
  DeleteInferenceComponentCommand,
  DescribeEndpointCommand,
  DescribeInferenceComponentCommand,
  ListInferenceComponentsCommand,
  UpdateEndpointCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
  UpdateInferenceComponentCommand,
  UpdateInferenceComponentRuntimeConfigCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { modelArchive, type ServingServer, startServingServer } from "../../../serving/testkit/serving-server.ts";

let server: ServingServer;
beforeEach(async () => {
  server = await startServingServer();
  server.engine.behaviour = (request, response, run) => {
    request.resume().on("end", () => setTimeout(() => response.end(run.spec.environment["GREETING"]), 2));
  };
  await host("shared");
});
afterEach(() => server.close());

const role = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
const patiently = { timeout: 10_000, interval: 5 };

test("several models share an endpoint's instances, and each answers by its name", async () => {
  await Promise.all([component("one"), component("two", { RuntimeConfig: { CopyCount: 2 } })]);
  await hasCopies("one", 1);
  await hasCopies("two", 2);
  expect(await invoke("one")).toBe("one");
  expect(await invoke("two")).toBe("two");
  const described = await describe("two");
  expect(described).toMatchObject({
    ...{ EndpointName: "shared", VariantName: "All", InferenceComponentStatus: "InService" },
    InferenceComponentArn: "arn:aws:sagemaker:eu-west-1:123456789012:inference-component/two",
    Specification: { ModelName: "two", ComputeResourceRequirements: { MinMemoryRequiredInMb: 1_024 } },
    RuntimeConfig: { DesiredCopyCount: 2, CurrentCopyCount: 2 },
  });
  const list = new ListInferenceComponentsCommand({
    EndpointNameEquals: "shared",
    SortBy: "Name",
    SortOrder: "Ascending",
  });
  const { InferenceComponents = [] } = await server.sagemaker.send(list);
  expect(InferenceComponents.map(({ InferenceComponentName }) => InferenceComponentName)).toEqual(["one", "two"]);
  await expect(invoke(undefined)).rejects.toThrow(/has inference components; say which is meant/u);
  await expect(invoke("three")).rejects.toMatchObject({
    name: "ValidationError",
    message: /three of account .* not found/u,
  });
  await server.publish();
  const points = await server.platform.metrics.list({
    scope: { partition: "aws", account: server.account, region: "eu-west-1" },
    ...{ namespace: "AWS/SageMaker", name: "InvocationsPerCopy", dimensions: [], limit: 10 },
  });
  expect(points.metrics.map(({ dimensions }) => dimensions)).toEqual([
    [["InferenceComponentName", "one"]],
    [["InferenceComponentName", "two"]],
  ]);
  // Over a restart copies go on and are found.
  const { behaviour } = server.engine;
  server = await server.restart();
  server.engine.behaviour = behaviour;
  expect(await invoke("one")).toBe("one");
});

test("copies have as much room as the instances give, the oldest component first", async () => {
  // An ml.m5.large has 8 GiB: two copies of 3 GiB each, and no third.
  await component("large", { RuntimeConfig: { CopyCount: 3 } }, 3_072);
  await vi.waitFor(async () => {
    expect(await describe("large")).toMatchObject({
      InferenceComponentStatus: "InService",
      RuntimeConfig: { DesiredCopyCount: 3, CurrentCopyCount: 2 },
    });
  }, patiently);
  await component("late", {}, 3_072);
  await vi.waitFor(async () => {
    expect(await describe("late")).toMatchObject({
      InferenceComponentStatus: "Failed",
      FailureReason: /^Not enough hardware resources on the 1 instance/u,
    });
  }, patiently);
  // Another instance is more room, and less of them is less.
  await instances(2);
  await hasCopies("large", 3);
  await instances(1);
  await vi.waitFor(() => expect(server.engine.running).toHaveLength(2), patiently);
  expect(await invoke("large")).toBe("large");
});

test("managed instances are as many as the copies need, within their bounds", async () => {
  await host("managed", { ManagedInstanceScaling: { Status: "ENABLED", MinInstanceCount: 1, MaxInstanceCount: 3 } });
  const described = async () =>
    (await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: "managed" }))).ProductionVariants?.[0];
  expect(await described()).toMatchObject({ CurrentInstanceCount: 1, ManagedInstanceScaling: { MaxInstanceCount: 3 } });
  await component("grows", { EndpointName: "managed", RuntimeConfig: { CopyCount: 3 } }, 3_072);
  await hasCopies("grows", 3);
  expect(await described()).toMatchObject({ CurrentInstanceCount: 2, DesiredInstanceCount: 2 });
  // Two a piece on three instances, and the seventh has no place.
  await copies("grows", 7);
  await vi.waitFor(async () => {
    expect(await describe("grows")).toMatchObject({ RuntimeConfig: { DesiredCopyCount: 7, CurrentCopyCount: 6 } });
  }, patiently);
  expect(await described()).toMatchObject({ CurrentInstanceCount: 3 });
  await copies("grows", 0);
  await hasCopies("grows", 0);
  expect(await described()).toMatchObject({ CurrentInstanceCount: 1 });
});

test("copies scale from zero when a request asks for them, and an update must leave them their place", async () => {
  await component("woken", { RuntimeConfig: { CopyCount: 0 } });
  await hasCopies("woken", 0);
  await expect(invoke("woken")).rejects.toThrow(/its copy count is 0/u);
  const id = {
    ServiceNamespace: "sagemaker",
    ResourceId: "inference-component/woken",
    ScalableDimension: "sagemaker:inference-component:DesiredCopyCount",
  } as const;
  await server.autoscaling.send(new RegisterScalableTargetCommand({ ...id, MinCapacity: 0, MaxCapacity: 2 }));
  const { Alarms } = await server.autoscaling.send(
    new PutScalingPolicyCommand({
      ...{ ...id, PolicyName: "follow", PolicyType: "TargetTrackingScaling" },
      TargetTrackingScalingPolicyConfiguration: {
        TargetValue: 5,
        PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerInferenceComponentInvocationsPerCopy" },
      },
    }),
  );
  expect(Alarms).toHaveLength(2);
  expect(await Promise.all([invoke("woken"), invoke("woken")])).toEqual(["woken", "woken"]);
  await hasCopies("woken", 1);
  const activities = await server.autoscaling.send(new DescribeScalingActivitiesCommand(id));
  expect(activities.ScalingActivities).toMatchObject([
    { Description: "Setting desired copy count to 1.", Cause: "a request arrived while the capacity was 0" },
  ]);
  // What the predefined metrics are of, and that silence is told.
  await server.publish();
  const points = await server.platform.metrics.list({
    scope: { partition: "aws", account: server.account, region: "eu-west-1" },
    ...{ namespace: "AWS/SageMaker", name: "ConcurrentRequestsPerCopy", dimensions: [], limit: 10 },
  });
  expect(points.metrics.map(({ dimensions }) => dimensions)).toEqual([[["InferenceComponentName", "woken"]]]);
  const variant = { VariantName: "Else", InstanceType: "ml.m5.large" as const, InitialInstanceCount: 1 };
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({
      ...{ EndpointConfigName: "else", ExecutionRoleArn: role, ProductionVariants: [variant] },
    }),
  );
  const update = new UpdateEndpointCommand({ EndpointName: "shared", EndpointConfigName: "else" });
  await expect(server.sagemaker.send(update)).rejects.toThrow(/component woken .* would have no place: variant "All"/u);
});

test("a copy may use as much memory as its component says", async () => {
  const needs = { MinMemoryRequiredInMb: 128, MaxMemoryRequiredInMb: 256 };
  await component("small", { Specification: { ModelName: "small", ComputeResourceRequirements: needs } });
  await hasCopies("small", 1);
  expect(server.engine.running.map(({ spec }) => spec.resources.memoryBytes)).toEqual([256 * 2 ** 20]);
});

test("copies come and go, and a new model takes over, without a failed request", async () => {
  await component("busy");
  await hasCopies("busy", 1);
  let isOver = false;
  const answers = new Set<string>();
  const load = Array.from({ length: 6 }, async () => {
    while (!isOver) answers.add(await invoke("busy"));
  });
  for (const CopyCount of [3, 1, 2]) {
    await copies("busy", CopyCount);
    await hasCopies("busy", CopyCount);
  }
  await model("better");
  await server.sagemaker.send(
    new UpdateInferenceComponentCommand({
      InferenceComponentName: "busy",
      Specification: { ModelName: "better", ComputeResourceRequirements: { MinMemoryRequiredInMb: 1_024 } },
      DeploymentConfig: {
        RollingUpdatePolicy: { MaximumBatchSize: { Type: "COPY_COUNT", Value: 1 }, WaitIntervalInSeconds: 0 },
      },
    }),
  );
  await vi.waitFor(async () => {
    expect(await describe("busy")).toMatchObject({
      InferenceComponentStatus: "InService",
      Specification: { ModelName: "better" },
      RuntimeConfig: { CurrentCopyCount: 2 },
    });
  }, patiently);
  isOver = true;
  await Promise.all(load);
  expect(answers).toEqual(new Set(["busy", "better"]));
  expect(await invoke("busy")).toBe("better");
});

test("an update whose copies do not come up leaves the old ones", async () => {
  await component("steady");
  await hasCopies("steady", 1);
  await model("broken");
  server.engine.onStart = ({ environment }) => (environment["GREETING"] === "broken" ? { exitCode: 3 } : undefined);
  const InferenceComponentName = "steady";
  const Specification = { ModelName: "broken", ComputeResourceRequirements: { MinMemoryRequiredInMb: 1_024 } };
  await server.sagemaker.send(new UpdateInferenceComponentCommand({ InferenceComponentName, Specification }));
  await vi.waitFor(async () => {
    expect(await describe("steady")).toMatchObject({
      ...{ InferenceComponentStatus: "InService", FailureReason: /exited with code 3/u },
      Specification: { ModelName: "steady" },
    });
  }, patiently);
  expect(await invoke("steady")).toBe("steady");
});

test("requests to components are captured apart, as the endpoint's configuration says now", async () => {
  const capture = (to: string) => ({
    ...{ EnableCapture: true, InitialSamplingPercentage: 100, DestinationS3Uri: `s3://models/${to}` },
    CaptureOptions: [{ CaptureMode: "Output" as const }],
    CaptureContentTypeHeader: { CsvContentTypes: ["text/csv"] },
  });
  const update = async (to: string): Promise<void> => {
    await configure(to, {}, capture(to));
    await server.sagemaker.send(new UpdateEndpointCommand({ EndpointName: "shared", EndpointConfigName: to }));
  };
  const kept = async (prefix: string): Promise<string[]> => {
    const { objects } = server.platform;
    const texts: string[] = [];
    for await (const { key } of objects.list("models", prefix))
      texts.push(await text(await objects.read("models", key)));
    return texts.flatMap((lines) => [...lines.matchAll(/"data":"([^"]*)"/gu)].map(([, data = ""]) => data));
  };
  server.engine.behaviour = (request, response, run) => {
    response.setHeader("content-type", "text/csv");
    request.resume().on("end", () => response.end(run.spec.environment["GREETING"]));
  };
  await component("one");
  await hasCopies("one", 1);
  await invoke("one");
  await update("first");
  await vi.waitFor(async () => {
    await invoke("one");
    expect(server.serving.routes.lookup(routeOf("one"))?.variants[0]?.capture).toBeDefined();
  }, patiently);
  await component("two");
  await hasCopies("two", 1);
  for (const name of ["one", "two", "two"]) await invoke(name);
  await update("second");
  // What came before goes where it was asked for then.
  await vi.waitFor(async () => {
    expect((await kept("first/shared/one/")).filter((each) => each === "one").length).toBeGreaterThan(0);
    expect(await kept("first/shared/two/")).toEqual(["two", "two"]);
  }, patiently);
  await invoke("two");
  server = await server.restart();
  expect(await kept("second/shared/two/")).toEqual(["two"]);
});

test("requests that find no copy are counted", async () => {
  await component("none", { RuntimeConfig: { CopyCount: 0 } });
  await hasCopies("none", 0);
  for (let n = 0; n < 2; n++) await expect(invoke("none")).rejects.toThrow(/its copy count is 0/u);
  await server.publish();
  const { Datapoints } = await server.cloudwatch.send(
    new GetMetricStatisticsCommand({
      ...{ Namespace: "AWS/SageMaker", MetricName: "NoCapacityInvocationFailures", Period: 3600, Statistics: ["Sum"] },
      Dimensions: [{ Name: "InferenceComponentName", Value: "none" }],
      ...{ StartTime: new Date(Date.now() - 3600_000), EndTime: new Date(Date.now() + 3600_000) },
    }),
  );
  expect(Datapoints).toMatchObject([{ Sum: 2, Unit: "Count" }]);
});

test("an endpoint stays until its components are gone; a component of no copies waits", async () => {
  await component("last", { RuntimeConfig: { CopyCount: 0 } });
  await hasCopies("last", 0);
  await expect(invoke("last")).rejects.toMatchObject({ name: "ValidationError", message: /its copy count is 0/u });
  const remove = new DeleteEndpointCommand({ EndpointName: "shared" });
  await expect(server.sagemaker.send(remove)).rejects.toThrow(/it has inference components \(last\)/u);
  await server.sagemaker.send(new DeleteInferenceComponentCommand({ InferenceComponentName: "last" }));
  await vi.waitFor(() => expect(describe("last")).rejects.toThrow(/Could not find inference component/u), patiently);
  await server.sagemaker.send(remove);
});

test.for<[string, Partial<CreateInferenceComponentCommandInput>, RegExp]>([
  ["another variant", { VariantName: "Other" }, /has no variant named "Other" for inference components/u],
  ["an endpoint that is not there", { EndpointName: "gone" }, /Could not find endpoint/u],
  ["no specification", { Specification: undefined }, /Specification must be given/u],
  [
    "no model",
    { Specification: { ComputeResourceRequirements: { MinMemoryRequiredInMb: 128 } } },
    /Exactly one of ModelName/u,
  ],
  ["no needs", { Specification: { ModelName: "here" } }, /ComputeResourceRequirements must be given/u],
  [
    "an adapter",
    { Specification: { ModelName: "here", BaseInferenceComponentName: "base" } },
    /BaseInferenceComponentName is not supported/u,
  ],
  [
    "memory that no instance has",
    {
      Specification: { ModelName: "here", ComputeResourceRequirements: { MinMemoryRequiredInMb: 9_000 } },
    },
    /needs 9000 MB of memory; an instance of variant All \(ml\.m5\.large\) has 8192/u,
  ],
  [
    "accelerators that no instance has",
    {
      Specification: {
        ModelName: "here",
        ComputeResourceRequirements: { MinMemoryRequiredInMb: 128, NumberOfAcceleratorDevicesRequired: 1 },
      },
    },
    /needs 1 accelerator devices; an instance of variant All \(ml\.m5\.large\) has 0/u,
  ],
])("refused: %s", async ([, change, message]) => {
  await model("here");
  const create = new CreateInferenceComponentCommand({
    ...{ InferenceComponentName: "refused", EndpointName: "shared", VariantName: "All" },
    Specification: { ModelName: "here", ComputeResourceRequirements: { MinMemoryRequiredInMb: 128 } },
    ...change,
  });
  await expect(server.sagemaker.send(create)).rejects.toThrow(message);
  await expect(describe("refused")).rejects.toThrow(/Could not find/u);
});

async function configure(name: string, change: object, DataCaptureConfig?: DataCaptureConfig): Promise<void> {
  const variant = { VariantName: "All", InstanceType: "ml.m5.large" as const, InitialInstanceCount: 1, ...change };
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({
      ...{ EndpointConfigName: name, ExecutionRoleArn: role, ProductionVariants: [variant], DataCaptureConfig },
    }),
  );
}

function routeOf(component: string) {
  return { account: server.account, region: "eu-west-1", name: `inference-component/${component}` };
}

/** An endpoint that is made for components. */
async function host(name: string, change: object = {}): Promise<void> {
  await configure(name, change);
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  await vi.waitFor(async () => {
    expect(await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: name }))).toMatchObject({
      EndpointStatus: "InService",
      ProductionVariants: [{ CurrentInstanceCount: 1, DesiredInstanceCount: 1 }],
    });
  }, patiently);
}

/** A model that answers with its name. */
async function model(name: string): Promise<void> {
  const ModelDataUrl = await server.upload(`${name}.tar.gz`, modelArchive());
  const PrimaryContainer = { Image: "linear-learner", ModelDataUrl, Environment: { GREETING: name } };
  await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn: role, PrimaryContainer }));
}

async function component(
  name: string,
  change: Partial<CreateInferenceComponentCommandInput> = {},
  MinMemoryRequiredInMb = 1_024,
): Promise<void> {
  await model(name);
  await server.sagemaker.send(
    new CreateInferenceComponentCommand({
      ...{ InferenceComponentName: name, EndpointName: "shared", VariantName: "All", RuntimeConfig: { CopyCount: 1 } },
      Specification: { ModelName: name, ComputeResourceRequirements: { MinMemoryRequiredInMb } },
      ...change,
    }),
  );
}

async function instances(DesiredInstanceCount: number): Promise<void> {
  await server.sagemaker.send(
    new UpdateEndpointWeightsAndCapacitiesCommand({
      EndpointName: "shared",
      DesiredWeightsAndCapacities: [{ VariantName: "All", DesiredInstanceCount }],
    }),
  );
}

async function copies(InferenceComponentName: string, CopyCount: number): Promise<void> {
  const DesiredRuntimeConfig = { CopyCount };
  await server.sagemaker.send(
    new UpdateInferenceComponentRuntimeConfigCommand({ InferenceComponentName, DesiredRuntimeConfig }),
  );
}

async function describe(InferenceComponentName: string) {
  return await server.sagemaker.send(new DescribeInferenceComponentCommand({ InferenceComponentName }));
}

async function hasCopies(name: string, count: number): Promise<void> {
  await vi.waitFor(async () => {
    expect(await describe(name)).toMatchObject({
      InferenceComponentStatus: "InService",
      RuntimeConfig: { DesiredCopyCount: count, CurrentCopyCount: count },
    });
  }, patiently);
}

async function invoke(InferenceComponentName: string | undefined): Promise<string> {
  const { Body } = await server.runtime.send(
    new InvokeEndpointCommand({
      ...{ EndpointName: "shared", Body: Buffer.from("x") },
      ...(InferenceComponentName !== undefined && { InferenceComponentName }),
    }),
  );
  return Buffer.from(Body).toString();
}
