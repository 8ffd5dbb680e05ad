import { text } from "node:stream/consumers";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateInferenceExperimentCommand,
  type CreateInferenceExperimentCommandInput,
  CreateModelCommand,
  DeleteEndpointCommand,
  DeleteInferenceExperimentCommand,
  DescribeEndpointCommand,
  DescribeInferenceExperimentCommand,
  ListEndpointConfigsCommand,
  ListInferenceExperimentsCommand,
  type ModelVariantAction,
  StartInferenceExperimentCommand,
  StopInferenceExperimentCommand,
  UpdateEndpointCommand,
  UpdateInferenceExperimentCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ComparisonReport } from "../../../comparison/variant-comparison.ts";
import { modelArchive, type ServingServer, startServingServer } from "../../../serving/testkit/serving-server.ts";

const EndpointName = "shop";
const RoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
let server: ServingServer;
beforeEach(async () => {
  server = await startServingServer();
  for (const name of ["old", "new"]) {
    const ModelDataUrl = await server.upload(`${name}.tar.gz`, modelArchive());
    const PrimaryContainer = { Image: "linear-learner", ModelDataUrl, Environment: { MODEL: name } };
    await server.sagemaker.send(
      new CreateModelCommand({ ModelName: name, ExecutionRoleArn: RoleArn, PrimaryContainer }),
    );
  }
  answer();
  await configure("original", "old");
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName: "original" }));
  await vi.waitFor(async () => expect((await endpoint()).EndpointStatus).toBe("InService"), patiently);
});
afterEach(() => server.close());

const patiently = { timeout: 25_000, interval: 10 };

test("an experiment shadows, reports, and promotes the shadow when it is told to, without a failed request", async () => {
  const load = startLoad();
  await create("trial");
  expect(await describe("trial")).toMatchObject({
    Arn: "arn:aws:sagemaker:eu-west-1:123456789012:inference-experiment/trial",
    ...{ Name: "trial", Type: "ShadowMode", RoleArn, Description: "old or new" },
    EndpointMetadata: { EndpointName },
    ShadowModeConfig: { SourceModelVariantName: "Live" },
    DataStorageConfig: { Destination: "s3://models/experiments" },
  });
  await inStatus("trial", "Running");
  const running = await endpoint();
  expect(running).toMatchObject({
    EndpointConfigName: expect.stringMatching(/^trial-shadow-[0-9a-f]{8}$/u),
    ProductionVariants: [{ VariantName: "Live", CurrentInstanceCount: 1 }],
    ShadowProductionVariants: [{ VariantName: "Candidate", CurrentInstanceCount: 1 }],
  });
  await load.more(100);
  await stop("trial", { Live: "Remove", Candidate: "Promote" }, { Reason: "it is as good" });
  const ended = await inStatus("trial", "Completed");
  expect(ended.StatusReason).toBe("it is as good");
  expect(ended.CompletionTime?.getTime()).toBeGreaterThanOrEqual(ended.CreationTime?.getTime() as number);
  expect(ended.ModelVariants).toMatchObject([
    { VariantName: "Live", ModelName: "old", Status: "Deleted" },
    { VariantName: "Candidate", ModelName: "new", Status: "InService" },
  ]);
  expect(await endpoint()).toMatchObject({ ProductionVariants: [{ VariantName: "Candidate" }] });
  expect((await endpoint()).ShadowProductionVariants).toBeUndefined();
  await load.more(20);
  expect(await invoke()).toBe('{"score":0.5}');
  await load.stop();
  expect(load.failures).toEqual([]);
  const report = await readReport("trial");
  expect(report).toMatchObject({
    ...{ status: "Completed", version: "1.0" },
    variants: [
      { name: "Live", role: "Production", model: "old", serverErrors: 0, errorRate: { value: 0 } },
      { name: "Candidate", role: "Shadow", model: "new", serverErrors: 0 },
    ],
    comparisons: [{ variant: "Candidate", against: "Live", verdict: "no difference shown" }],
    answers: { first: "Live", second: "Candidate", agreeing: { value: 0 }, notCopied: 0 },
  });
  const [live, candidate] = report.variants;
  expect(live?.requests).toBeGreaterThanOrEqual(100);
  for (const { latency } of report.variants) {
    expect(latency?.p50Ms).toBeGreaterThan(0);
    expect(latency?.p99Ms).toBeGreaterThanOrEqual(latency?.p50Ms as number);
  }
  expect(report.comparisons[0]?.latencyMs).toMatchObject({ test: "Welch's t test", p: expect.any(Number) });
  // What was under way at the change may have lost its copy.
  expect(candidate?.requests).toBeGreaterThan(90);
  expect(report.answers?.difference).toBeCloseTo(0.25);
  expect(await object("experiments/trial/report.md")).toMatch(/\| requests +\| \d+ +\| \d+ +\|/u);
  await server.sagemaker.send(new DeleteInferenceExperimentCommand({ Name: "trial" }));
  await expect(describe("trial")).rejects.toMatchObject({ name: "ResourceNotFound" });
});

test("an experiment waits for its time, can be begun before it, and ends at its end as it found the endpoint", async () => {
  const Schedule = { StartTime: new Date(Date.now() + 3_600_000), EndTime: new Date(Date.now() + 7_200_000) };
  await create("planned", { Schedule, DataStorageConfig: undefined });
  expect(await describe("planned")).toMatchObject({ Status: "Created", Schedule });
  expect((await endpoint()).EndpointConfigName).toBe("original");
  await expect(create("second")).rejects.toMatchObject({
    name: "ResourceInUse",
    message: 'Endpoint "shop" has an inference experiment that has not ended: "planned".',
  });
  await expect(create("planned")).rejects.toThrow(/Cannot create already existing inference experiment/u);
  await update("planned", { Description: "changed", ShadowModeConfig: shadowing(50) });
  await server.sagemaker.send(new StartInferenceExperimentCommand({ Name: "planned" }));
  await inStatus("planned", "Running");
  expect(await endpoint()).toMatchObject({ ShadowProductionVariants: [{ CurrentWeight: 0.5 }] });
  await expect(server.sagemaker.send(new StartInferenceExperimentCommand({ Name: "planned" }))).rejects.toMatchObject({
    name: "ConflictException",
    message: 'Inference experiment "planned" is Running; only one that is Created can be started.',
  });
  await expect(server.sagemaker.send(new DeleteInferenceExperimentCommand({ Name: "planned" }))).rejects.toThrow(
    /stop it before/u,
  );
  await update("planned", { ShadowModeConfig: shadowing(20), ModelVariants: variants(1, 2) });
  await inStatus("planned", "Running");
  expect(await endpoint()).toMatchObject({
    ShadowProductionVariants: [{ CurrentWeight: 0.2, DesiredInstanceCount: 2 }],
  });
  // Over a restart it goes on, and ends.
  server = await server.restart();
  answer();
  await update("planned", { Schedule: { EndTime: new Date(Date.now() + 1_500) } });
  const ended = await inStatus("planned", "Completed");
  expect(ended.ModelVariants?.map(({ Status }) => Status)).toEqual(["InService", "Deleted"]);
  expect(await endpoint()).toMatchObject({
    EndpointConfigName: "original",
    ProductionVariants: [{ VariantName: "Live" }],
  });
  const { InferenceExperiments } = await server.sagemaker.send(
    new ListInferenceExperimentsCommand({ StatusEquals: "Completed", NameContains: "plan", SortBy: "Name" }),
  );
  expect(InferenceExperiments).toMatchObject([{ Name: "planned", Status: "Completed", Description: "changed" }]);
  // The endpoint is free for another.
  await create("next");
  await inStatus("next", "Running");
  await stop("next", { Live: "Retain", Candidate: "Retain" }, { DesiredState: "Cancelled" });
  await inStatus("next", "Cancelled");
  expect(await endpoint()).toMatchObject({ ShadowProductionVariants: [{ VariantName: "Candidate" }] });
});

test("a server that stops in the middle of a beginning or an end goes on with it", async () => {
  const original = (await endpoint()).EndpointConfigName;
  await create("held");
  server = await server.restart();
  answer();
  await inStatus("held", "Running");
  await stop("held", { Live: "Retain", Candidate: "Remove" });
  server = await server.restart();
  answer();
  await inStatus("held", "Completed");
  expect((await endpoint()).EndpointConfigName).toBe(original);
});

test("what comes between ends an experiment with the reason, and leaves what answers callers alone", async () => {
  server.engine.onStart = (spec) => (spec.environment["MODEL"] === "new" ? { exitCode: 7 } : undefined);
  await create("broken");
  expect((await inStatus("broken", "Cancelled")).StatusReason).toMatch(
    /variant Candidate did not pass the ping.*exited with code 7/u,
  );
  expect(await endpoint()).toMatchObject({ EndpointStatus: "InService", EndpointConfigName: "original" });
  server.engine.onStart = () => undefined;
  await create("overtaken");
  await inStatus("overtaken", "Running");
  await server.sagemaker.send(new UpdateEndpointCommand({ EndpointName, EndpointConfigName: "original" }));
  expect((await inStatus("overtaken", "Cancelled")).StatusReason).toBe(
    "Endpoint shop was updated to configuration original during the experiment.",
  );
  await vi.waitFor(async () => expect((await endpoint()).EndpointStatus).toBe("InService"), patiently);
  await create("waiting", { Schedule: { StartTime: new Date(Date.now() + 3_600_000) } });
  await stop("waiting", { Live: "Retain", Candidate: "Remove" });
  expect((await describe("waiting")).Status).toBe("Cancelled");
  await create("last");
  await inStatus("last", "Running");
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName }));
  expect((await inStatus("last", "Cancelled")).StatusReason).toBe("Endpoint shop was deleted.");
});

test("what cannot be an experiment, a stop or an update is refused by name", async () => {
  const refusals: [Partial<CreateInferenceExperimentCommandInput>, RegExp][] = [
    [{ EndpointName: "nowhere" }, /Could not find endpoint/u],
    [{ RoleArn: "arn:aws:iam::123456789012:role/nobody" }, /Could not assume role/u],
    [{ ModelVariants: variants().slice(0, 1) }, /ModelVariants must be the two variants .* they are "Live"/u],
    [{ ShadowModeConfig: shadowing(10, "Live") }, /"Live" cannot be its own shadow/u],
    [{ ShadowModeConfig: shadowing(0) }, /SamplingPercentage is 0/u],
    [{ ModelVariants: variants(1, 0) }, /InstanceCount of variant "Candidate" is 0/u],
    [{ ModelVariants: variants(1, 1, ["new", "new"]) }, /has the model "old", not "new"/u],
    [{ ModelVariants: variants(1, 1, ["old", "gone"]) }, /gone/u],
    [{ DataStorageConfig: { Destination: "s3://nobodys/x" } }, /s3:\/\/nobodys\/x is not an S3 address in a bucket/u],
    [{ Schedule: { EndTime: new Date(Date.now() - 1_000) } }, /EndTime .* must be after the start/u],
    [{ Schedule: { EndTime: new Date(Date.now() + 31 * 24 * 3_600_000) } }, /may take 30 days at most/u],
  ];
  for (const [changes, message] of refusals)
    await expect(create("bad", changes), String(message)).rejects.toThrow(message);
  await create("good");
  await inStatus("good", "Running");
  await expect(create("good")).rejects.toThrow(/already existing inference experiment/u);
  await expect(create("other")).rejects.toThrow(/has an inference experiment that has not ended: "good"/u);
  const stops: [Record<string, ModelVariantAction>, RegExp][] = [
    [{ Live: "Remove", Candidate: "Remove" }, /leave the endpoint without a production variant/u],
    [{ Live: "Promote", Candidate: "Remove" }, /"Live" is the production variant; it cannot be promoted/u],
    [{ Other: "Remove" }, /"Other" is no variant of the experiment/u],
  ];
  for (const [actions, message] of stops) await expect(stop("good", actions)).rejects.toThrow(message);
  await expect(
    stop("good", { Live: "Retain", Candidate: "Remove" }, { DesiredModelVariants: variants().slice(1) }),
  ).rejects.toThrow(/"Candidate" is no variant that stays/u);
  await expect(update("good", { ModelVariants: variants(1, 1, ["old", "old"]) })).rejects.toThrow(
    /cannot change the variants/u,
  );
  await expect(update("good", { Schedule: { StartTime: new Date(0) } })).rejects.toThrow(
    /only EndTime can be changed/u,
  );
  await expect(stop("missing", { Live: "Retain" })).rejects.toMatchObject({ name: "ResourceNotFound" });
  // An update that the endpoint cannot follow leaves everything as it is.
  const before = (await endpoint()).EndpointConfigName;
  await update("good", { ModelVariants: variants(1, 1_000_000) });
  await vi.waitFor(async () => {
    expect((await describe("good")).StatusReason).toMatch(/^The update failed: .* asks for 1000001 instances/u);
  }, patiently);
  expect(await describe("good")).toMatchObject({ Status: "Running", ModelVariants: variants() });
  expect((await endpoint()).EndpointConfigName).toBe(before);
  const { EndpointConfigs } = await server.sagemaker.send(new ListEndpointConfigsCommand({}));
  expect(EndpointConfigs?.map(({ EndpointConfigName }) => EndpointConfigName).sort()).toEqual([before, "original"]);
  // Another number of instances than before, and the shadow beside it in production.
  await stop("good", { Live: "Retain", Candidate: "Promote" }, { DesiredModelVariants: variants(2, 1) });
  await inStatus("good", "Completed");
  expect(await endpoint()).toMatchObject({
    ProductionVariants: [
      { VariantName: "Live", CurrentInstanceCount: 2 },
      { VariantName: "Candidate", CurrentInstanceCount: 1 },
    ],
  });
});

function variants(live = 1, candidate = 1, models = ["old", "new"]) {
  const variant = (VariantName: string, ModelName: string | undefined, InstanceCount: number) => ({
    ...{ VariantName, ModelName },
    InfrastructureConfig: {
      InfrastructureType: "RealTimeInference" as const,
      RealTimeInferenceConfig: { InstanceType: "ml.m5.large" as const, InstanceCount },
    },
  });
  return [variant("Live", models[0], live), variant("Candidate", models[1], candidate)];
}

function shadowing(SamplingPercentage: number, ShadowModelVariantName = "Candidate") {
  return { SourceModelVariantName: "Live", ShadowModelVariants: [{ ShadowModelVariantName, SamplingPercentage }] };
}

async function create(Name: string, changes: Partial<CreateInferenceExperimentCommandInput> = {}): Promise<void> {
  await server.sagemaker.send(
    new CreateInferenceExperimentCommand({
      ...{ Name, Type: "ShadowMode", RoleArn, EndpointName, Description: "old or new" },
      ...{ ModelVariants: variants(), ShadowModeConfig: shadowing(100) },
      DataStorageConfig: { Destination: "s3://models/experiments" },
      ...changes,
    }),
  );
}

async function stop(
  Name: string,
  ModelVariantActions: Record<string, ModelVariantAction>,
  more: Partial<ConstructorParameters<typeof StopInferenceExperimentCommand>[0]> = {},
): Promise<void> {
  await server.sagemaker.send(new StopInferenceExperimentCommand({ Name, ModelVariantActions, ...more }));
}

async function update(
  Name: string,
  changes: Partial<ConstructorParameters<typeof UpdateInferenceExperimentCommand>[0]>,
): Promise<void> {
  await server.sagemaker.send(new UpdateInferenceExperimentCommand({ Name, ...changes }));
}

const describe = (Name: string) => server.sagemaker.send(new DescribeInferenceExperimentCommand({ Name }));
const endpoint = () => server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));

async function inStatus(name: string, status: string) {
  return await vi.waitFor(async () => {
    const described = await describe(name);
    expect(described.Status).toBe(status);
    return described;
  }, patiently);
}

async function configure(EndpointConfigName: string, ModelName: string): Promise<void> {
  const variant = { VariantName: "Live", ModelName, InstanceType: "ml.m5.large" as const, InitialInstanceCount: 1 };
  await server.sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName, ProductionVariants: [variant] }));
}

/** Each model has its own score. */
function answer(): void {
  server.engine.behaviour = (request, response, run) => {
    request.resume().on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(`{"score":${run.spec.environment["MODEL"] === "old" ? 0.25 : 0.5}}`);
    });
  };
}

async function invoke(): Promise<string> {
  const { Body } = await server.runtime.send(new InvokeEndpointCommand({ EndpointName, Body: Buffer.from("x") }));
  return Buffer.from(Body).toString();
}

/** Four callers without a pause. */
function startLoad() {
  const failures: unknown[] = [];
  let [answers, isOver] = [0, false];
  const callers = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      await invoke().then(
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

async function object(key: string): Promise<string> {
  return await text(await server.platform.objects.read("models", key));
}

async function readReport(name: string): Promise<ComparisonReport> {
  return JSON.parse(await object(`experiments/${name}/report.json`)) as ComparisonReport;
}
