import { text } from "node:stream/consumers";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  type DataCaptureConfig,
  DeleteEndpointCommand,
  DescribeEndpointCommand,
  DescribeEndpointConfigCommand,
  UpdateEndpointCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from "@aws-sdk/client-sagemaker";
import {
  InvokeEndpointCommand,
  type InvokeEndpointCommandInput,
  InvokeEndpointWithResponseStreamCommand,
} from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FakeRun } from "../testkit/fake-engine.ts";
import { modelArchive, type ServingServer, startServingServer } from "../testkit/serving-server.ts";
import { mostCopies } from "./shadow-copies.ts";

const EndpointName = "watched";
const scope = { partition: "aws", account: "123456789012", region: "eu-west-1" };
let server: ServingServer;
beforeEach(async () => {
  server = await startServingServer();
  for (const name of ["old", "new"]) {
    const ModelDataUrl = await server.upload(`${name}.tar.gz`, modelArchive());
    const PrimaryContainer = { Image: "linear-learner", ModelDataUrl, Environment: { MODEL: name } };
    const ExecutionRoleArn = `arn:aws:iam::${scope.account}:role/SagebrushExecutionRole`;
    await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn, PrimaryContainer }));
  }
});
afterEach(() => server.close());

const patiently = { timeout: 20_000, interval: 5 };
const capture: DataCaptureConfig = {
  ...{ EnableCapture: true, InitialSamplingPercentage: 100, DestinationS3Uri: "s3://models/captured" },
  CaptureOptions: [{ CaptureMode: "InputAndOutput" }],
  CaptureContentTypeHeader: { JsonContentTypes: ["application/json"], CsvContentTypes: ["text/csv"] },
};

test("copies go to the shadow, its answers are compared and kept, and nobody is given them", async () => {
  await deploy({ capture });
  answerWith((run) => `{"score":${modelOf(run) === "old" ? 0.25 : 0.5},"label":1}`);
  const config = await server.sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName: "c" }));
  expect(config.ShadowProductionVariants).toMatchObject([{ VariantName: "Candidate", InitialVariantWeight: 1 }]);
  expect(await describe()).toMatchObject({
    ProductionVariants: [{ VariantName: "Live", CurrentInstanceCount: 1 }],
    ShadowProductionVariants: [{ VariantName: "Candidate", CurrentInstanceCount: 1, DesiredWeight: 1 }],
  });
  for (let n = 0; n < 20; n++) {
    const answer = await invoke({ ContentType: "text/csv", InferenceId: `id-${n}`, CustomAttributes: "a=b" });
    expect(answer).toEqual({ variant: "Live", body: '{"score":0.25,"label":1}' });
  }
  await expect(invoke({ TargetVariant: "Candidate" })).rejects.toThrow(
    /Variant Candidate of endpoint watched not found/u,
  );
  await vi.waitFor(() => expect(requestsOf("new")).toHaveLength(20), patiently);
  // The copy is the request, headers and all.
  const [original, copy] = [requestsOf("old")[0]?.headers, requestsOf("new")[0]?.headers];
  expect(copy).toEqual(original);
  await vi.waitFor(() => expect(copies()?.underWay).toBe(0), patiently);
  await server.publish();
  expect(await sumOf("AWS/SageMaker", "Invocations", "Candidate")).toBe(20);
  expect(await sumOf("AWS/SageMaker", "Invocations", "Live")).toBe(20);
  expect(await sumOf("Sagebrush/Shadow", "AnswersAgreeing", "Candidate", "c")).toBe(0);
  expect(await sumOf("Sagebrush/Shadow", "LabelsAgreeing", "Candidate", "c")).toBe(20);
  // Of score and label: one differs by 0.25, the other not at all.
  expect(await sumOf("Sagebrush/Shadow", "AnswerDifference", "Candidate", "c")).toBeCloseTo(20 * 0.125);
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName }));
  const [live, candidate] = [await captured("Live"), await captured("Candidate")];
  expect(live).toHaveLength(20);
  // Pairs can be found again: by the caller's id, and by the event's.
  const idsOf = (lines: Line[]) =>
    lines.map(({ eventMetadata }) => `${eventMetadata.eventId} ${eventMetadata.inferenceId}`);
  expect(idsOf(candidate).sort()).toEqual(idsOf(live).sort());
  expect(candidate[0]?.captureData.endpointOutput.data).toBe('{"score":0.5,"label":1}');
});

test("a sampled share is copied, and nothing of a session", async () => {
  await deploy({ weights: [4, 1] });
  for (let n = 0; n < 200; n++) await invoke();
  await vi.waitFor(() => expect(copies()?.underWay).toBe(0), patiently);
  // 50 expected: outside these bounds once in a hundred million runs.
  expect(requestsOf("new").length).toBeGreaterThan(20);
  expect(requestsOf("new").length).toBeLessThan(90);
  const before = requestsOf("new").length;
  for (let n = 0; n < 100; n++) await invoke({ SessionId: "NEW_SESSION" });
  await vi.waitFor(() => expect(copies()?.underWay).toBe(0), patiently);
  expect(requestsOf("new")).toHaveLength(before);
});

test("a shadow is stopped, started and given another share while its endpoint serves", async () => {
  await deploy();
  await change({ DesiredInstanceCount: 0 });
  await vi.waitFor(() => expect(runsOf("new")).toHaveLength(0), patiently);
  for (let n = 0; n < 10; n++) expect((await invoke()).body).toBe("x");
  expect(copies()).toBeUndefined();
  await change({ DesiredInstanceCount: 1, DesiredWeight: 0 });
  for (let n = 0; n < 10; n++) await invoke();
  expect(requestsOf("new")).toHaveLength(0);
  await change({ DesiredWeight: 5 });
  for (let n = 0; n < 10; n++) await invoke();
  await vi.waitFor(() => expect(requestsOf("new")).toHaveLength(10), patiently);
});

test("a pipeline of containers can be a shadow, and what it does not have is its own error", async () => {
  const ModelDataUrl = "s3://models/new.tar.gz";
  const container = { Image: "linear-learner", ModelDataUrl, Environment: { MODEL: "piped" } };
  const ExecutionRoleArn = `arn:aws:iam::${scope.account}:role/SagebrushExecutionRole`;
  const create = (ModelName: string, Mode: "Serial" | "Direct") => {
    const Containers = ["one", "two"].map((ContainerHostname) => ({ ...container, ContainerHostname }));
    const InferenceExecutionConfig = { Mode };
    return server.sagemaker.send(
      new CreateModelCommand({ ModelName, ExecutionRoleArn, Containers, InferenceExecutionConfig }),
    );
  };
  await create("piped", "Serial");
  await create("direct", "Direct");
  await deploy({ shadowModel: "piped" });
  for (let n = 0; n < 5; n++) expect((await invoke()).body).toBe("x");
  await vi.waitFor(() => expect(requestsOf("piped")).toHaveLength(2 * 5), patiently);
  await vi.waitFor(() => expect(copies()?.underWay).toBe(0), patiently);
  await server.publish();
  expect(await sumOf("Sagebrush/Shadow", "AnswersIdentical", "Candidate", "c")).toBe(5);
  // Who calls the production variant names no container.
  await configure("next", { shadowModel: "direct" });
  await server.sagemaker.send(new UpdateEndpointCommand({ EndpointName, EndpointConfigName: "next" }));
  await vi.waitFor(async () => expect((await describe()).EndpointStatus).toBe("InService"), patiently);
  for (let n = 0; n < 5; n++) expect((await invoke()).body).toBe("x");
  await vi.waitFor(() => expect(copies()?.underWay).toBe(0), patiently);
  await server.publish();
  expect(await sumOf("AWS/SageMaker", "Invocation4XXErrors", "Candidate", "next")).toBe(5);
});

test("a shadow that hangs costs callers nothing, and copies under way are bounded", async () => {
  await deploy();
  server.engine.behaviour = (request, response, run) => {
    if (modelOf(run) === "old") request.pipe(response);
  };
  const requests = mostCopies + 100;
  const slowest = await slowestOf(requests);
  // Every copy hangs for a minute; no caller waits for any.
  expect(slowest).toBeLessThan(5_000);
  await vi.waitFor(() => expect(requestsOf("new")).toHaveLength(mostCopies), patiently);
  expect(copies()?.underWay).toBe(mostCopies);
  expect(requestsOf("old")).toHaveLength(requests);
  await server.publish();
  expect(await sumOf("Sagebrush/Shadow", "CopiesDropped", "Candidate", "c")).toBe(requests - mostCopies);
  // A hanging shadow does not hold up its endpoint's end.
  for (const run of runsOf("new")) server.engine.crash(run.id, 1);
  await vi.waitFor(() => expect(copies()?.underWay).toBe(0), patiently);
});

test("a shadow that dies, fails or answers at length changes nothing for callers", async () => {
  await deploy();
  const long = Buffer.alloc(3_000_000, "x").toString();
  const failures: [string, (run: FakeRun) => void][] = [
    ["fails", () => undefined],
    ["breaks off", () => undefined],
    ["is long", () => undefined],
  ];
  for (const [kind] of failures) {
    server.engine.behaviour = (request, response, run) => {
      if (modelOf(run) === "old") return void request.pipe(response);
      request.resume();
      if (kind === "fails") response.writeHead(500).end("no");
      else if (kind === "breaks off") response.destroy();
      else response.end(long);
    };
    for (let n = 0; n < 5; n++) expect((await invoke()).body).toBe("x");
    await vi.waitFor(() => expect(copies()?.underWay).toBe(0), patiently);
  }
  await server.publish();
  expect(await sumOf("AWS/SageMaker", "Invocation5XXErrors", "Candidate")).toBe(10);
  expect(await sumOf("Sagebrush/Shadow", "AnswersAgreeing", "Candidate", "c")).toBe(0);
  server.engine.onStart = (spec) => (spec.environment["MODEL"] === "new" ? { exitCode: 3 } : undefined);
  for (const run of runsOf("new")) server.engine.crash(run.id, 1);
  for (let n = 0; n < 20; n++) expect((await invoke()).body).toBe("x");
  expect((await describe()).EndpointStatus).toBe("InService");
});

test("long answers and streams are compared and captured as they pass", async () => {
  await deploy({ capture });
  const long = `${Array.from({ length: 60_000 }, (_, at) => at).join("\n")}\n`;
  server.engine.behaviour = (request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/csv" });
    response.end(long);
  };
  expect((await invoke()).body).toBe(long);
  const answer = await server.runtime.send(
    new InvokeEndpointWithResponseStreamCommand({ EndpointName, Body: Buffer.from("streamed"), InferenceId: "s" }),
  );
  let streamed = "";
  for await (const event of answer.Body ?? []) streamed += Buffer.from(event.PayloadPart?.Bytes ?? []).toString();
  expect(streamed).toBe(long);
  await vi.waitFor(() => expect(copies()?.underWay).toBe(0), patiently);
  await server.publish();
  expect(await sumOf("Sagebrush/Shadow", "AnswersIdentical", "Candidate", "c")).toBe(2);
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName }));
  for (const variant of ["Live", "Candidate"]) {
    const lines = await captured(variant);
    expect(lines.map(({ captureData }) => captureData.endpointOutput)).toEqual(
      [1, 2].map(() => ({ observedContentType: "text/csv", mode: "OUTPUT", data: long, encoding: "CSV" })),
    );
    expect(lines[1]).toMatchObject({
      captureData: { endpointInput: { data: Buffer.from("streamed").toString("base64"), encoding: "BASE64" } },
      eventMetadata: { inferenceId: "s" },
    });
  }
});

test("during a canary each fleet captures as its own configuration says, and its metrics are told apart", async () => {
  await deploy({ capture, shadow: false });
  const other = { ...capture, DestinationS3Uri: "s3://models/other" };
  await configure("next", { capture: other, shadow: false, model: "new" });
  answerWith((run) => modelOf(run));
  await server.sagemaker.send(
    new UpdateEndpointCommand({
      ...{ EndpointName, EndpointConfigName: "next" },
      DeploymentConfig: {
        BlueGreenUpdatePolicy: {
          TrafficRoutingConfiguration: {
            ...{ Type: "CANARY", WaitIntervalInSeconds: 600 },
            CanarySize: { Type: "CAPACITY_PERCENT", Value: 50 },
          },
        },
      },
    }),
  );
  const answers: string[] = [];
  await vi.waitFor(async () => {
    answers.push((await invoke()).body);
    expect(answers.filter((answer) => answer === "new").length).toBeGreaterThan(5);
  }, patiently);
  const fresh = answers.filter((answer) => answer === "new").length;
  await server.publish();
  expect(await sumOf("AWS/SageMaker", "Invocations", "Live", "next")).toBe(fresh);
  expect(await sumOf("AWS/SageMaker", "Invocations", "Live")).toBe(answers.length);
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName }));
  const [before, after] = [await captured("Live"), await captured("Live", "other")];
  expect(before.every(({ captureData }) => captureData.endpointOutput.data === text64("old"))).toBe(true);
  expect(after.map(({ captureData }) => captureData.endpointOutput.data)).toEqual(
    Array.from({ length: fresh }, () => text64("new")),
  );
});

test("shadow variants that cannot be are refused by name", async () => {
  await expect(configure("two", { also: [{ ...variant("Third", "old") }] })).rejects.toThrow(
    /there must be one production variant and one shadow variant; there are 2 and 1/u,
  );
  await expect(configure("same", { shadowName: "Live" })).rejects.toThrow(/Duplicate variant name "Live"/u);
  await expect(configure("gone", { shadowModel: "missing" })).rejects.toThrow(/missing/u);
});

interface Line {
  captureData: { endpointInput: { data: string }; endpointOutput: { data: string } };
  eventMetadata: { eventId: string; inferenceId?: string };
}

interface Setup {
  readonly weights?: readonly [number, number];
  readonly capture?: DataCaptureConfig;
  readonly shadow?: false;
  readonly model?: string;
  readonly shadowName?: string;
  readonly shadowModel?: string;
  readonly also?: readonly ReturnType<typeof variant>[];
}

function variant(VariantName: string, ModelName: string, InitialVariantWeight = 1) {
  return {
    VariantName,
    ModelName,
    InitialVariantWeight,
    InstanceType: "ml.m5.large" as const,
    InitialInstanceCount: 1,
  };
}

async function configure(EndpointConfigName: string, setup: Setup): Promise<void> {
  const [live, candidate] = setup.weights ?? [1, 1];
  const shadow = variant(setup.shadowName ?? "Candidate", setup.shadowModel ?? "new", candidate);
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({
      EndpointConfigName,
      ProductionVariants: [variant("Live", setup.model ?? "old", live), ...(setup.also ?? [])],
      ...(setup.shadow !== false && { ShadowProductionVariants: [shadow] }),
      ...(setup.capture && { DataCaptureConfig: setup.capture }),
    }),
  );
}

async function deploy(setup: Setup = {}): Promise<void> {
  await configure("c", setup);
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName: "c" }));
  await vi.waitFor(async () => expect((await describe()).EndpointStatus).toBe("InService"), patiently);
}

/** What is wanted of the shadow. */
async function change(desired: { DesiredInstanceCount?: number; DesiredWeight?: number }): Promise<void> {
  const DesiredWeightsAndCapacities = [{ VariantName: "Candidate", ...desired }];
  await server.sagemaker.send(
    new UpdateEndpointWeightsAndCapacitiesCommand({ EndpointName, DesiredWeightsAndCapacities }),
  );
  await vi.waitFor(async () => expect((await describe()).EndpointStatus).toBe("InService"), patiently);
}

const describe = () => server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
const modelOf = (run: FakeRun) => run.spec.environment["MODEL"] as string;
const runsOf = (model: string) => server.engine.running.filter((run) => modelOf(run) === model);
const requestsOf = (model: string) => runsOf(model).flatMap(({ requests }) => requests);
const text64 = (plain: string) => Buffer.from(plain).toString("base64");

function copies() {
  return server.serving.routes.lookup({ ...scope, name: EndpointName })?.variants[0]?.shadow?.copies;
}

function answerWith(body: (run: FakeRun) => string): void {
  server.engine.behaviour = (request, response, run) => {
    request.resume().on("end", () => {
      if (body(run).startsWith("{")) response.setHeader("content-type", "application/json");
      response.end(body(run));
    });
  };
}

async function invoke(input: Partial<InvokeEndpointCommandInput> = {}) {
  const answer = await server.runtime.send(
    new InvokeEndpointCommand({ EndpointName, Body: Buffer.from("x"), ...input }),
  );
  return { variant: answer.InvokedProductionVariant, body: Buffer.from(answer.Body).toString() };
}

/** Milliseconds of the slowest of so many requests, ten at a time. */
async function slowestOf(requests: number): Promise<number> {
  let [slowest, left] = [0, requests];
  const caller = async () => {
    while (left-- > 0) {
      const startedAt = performance.now();
      await invoke();
      slowest = Math.max(slowest, performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: 10 }, caller));
  return slowest;
}

async function sumOf(namespace: string, name: string, variantName: string, config?: string) {
  const dimensions = [
    ...(config === undefined ? [] : [["EndpointConfigName", config] as const]),
    ["EndpointName", EndpointName] as const,
    ["VariantName", variantName] as const,
  ];
  const to = Math.ceil(Date.now() / 60_000) * 60 + 60;
  const query = { scope, namespace, name, dimensions, from: to - 600, to, period: 600 };
  return (await server.platform.metrics.statistics(query))[0]?.values.sum;
}

/** What was captured of a variant, once it is there. */
async function captured(variantName: string, prefix = "captured"): Promise<Line[]> {
  return await vi.waitFor(async () => {
    const keys: string[] = [];
    for await (const { key } of server.platform.objects.list("models", `${prefix}/${EndpointName}/${variantName}/`)) {
      keys.push(key);
    }
    expect(keys.length).toBeGreaterThan(0);
    const texts = await Promise.all(
      keys.map(async (key) => await text(await server.platform.objects.read("models", key))),
    );
    return texts
      .join("")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
  }, patiently);
}
