import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DeleteEndpointCommand,
  DescribeEndpointCommand,
  DescribeModelCommand,
} from "@aws-sdk/client-sagemaker";
import {
  InvokeEndpointCommand,
  type InvokeEndpointCommandInput,
  InvokeEndpointWithResponseStreamCommand,
  type ModelError,
} from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FakeRun } from "../testkit/fake-engine.ts";
import { modelArchive, type ServingServer, startServingServer } from "../testkit/serving-server.ts";

let server: ServingServer;
beforeEach(async () => {
  server = await startServingServer();
});
afterEach(() => server.close());

const patiently = { timeout: 10_000, interval: 5 };
const role = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";

/** Each container puts its letter behind what it gets, and says what type and acceptance it was asked with. */
async function letters(request: IncomingMessage, response: ServerResponse, { spec }: FakeRun): Promise<void> {
  const body = await text(request);
  const { LETTER: letter = "" } = spec.environment;
  const { "content-type": type, accept } = request.headers;
  response.writeHead(200, { "content-type": `text/${letter}` }).end(`${body}${letter}(${type},${accept})`);
}

test("a pipeline hands bodies and content types on, and what is accepted to its last container alone", async () => {
  server.engine.behaviour = (request, response, run) => void letters(request, response, run);
  await deploy("pipe", ["a", "b", "c"]);
  const answer = await server.runtime.send(
    new InvokeEndpointCommand({
      ...{ EndpointName: "pipe", ContentType: "text/csv", Accept: "text/plain", CustomAttributes: "x=1" },
      Body: Buffer.from("1"),
    }),
  );
  expect(Buffer.from(answer.Body).toString()).toBe("1a(text/csv,undefined)b(text/a,undefined)c(text/b,text/plain)");
  expect(answer.ContentType).toBe("text/c");
  for (const { requests, spec } of server.engine.running) {
    expect(requests[0]?.headers["x-amzn-sagemaker-custom-attributes"]).toBe("x=1");
    expect(Object.keys(requests[0]?.headers ?? {}).filter((name) => name.startsWith("x-sagebrush"))).toEqual([]);
    expect(spec.environment).toMatchObject({ SAGEMAKER_BIND_TO_PORT: "8080", SAGEMAKER_SAFE_PORT_RANGE: "8081-8180" });
  }
  expect(server.engine.running.map(({ spec }) => spec.hostname).sort()).toEqual([
    "container-1",
    "container-2",
    "container-3",
  ]);
  const described = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: "pipe" }));
  expect(described.ProductionVariants?.[0]?.DeployedImages).toHaveLength(3);

  await server.publish();
  const latency = await server.cloudwatch.send(
    new GetMetricStatisticsCommand({
      ...{ Namespace: "AWS/SageMaker", MetricName: "ContainerLatency", Period: 60, Statistics: ["SampleCount"] },
      ...{ StartTime: new Date(Date.now() - 120_000), EndTime: new Date(Date.now() + 60_000) },
      Dimensions: [
        { Name: "EndpointName", Value: "pipe" },
        { Name: "VariantName", Value: "All" },
        { Name: "ContainerName", Value: "container-2" },
      ],
    }),
  );
  expect(latency.Datapoints?.[0]?.SampleCount).toBe(1);

  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "pipe" }));
  await vi.waitFor(() => expect(server.engine.runs.size).toBe(0), patiently);
});

test("an error names the container that it is from, and the ones behind it hear nothing", async () => {
  server.engine.behaviour = (request, response, run) => {
    if (run.spec.environment["LETTER"] !== "b") return void letters(request, response, run);
    request.resume().on("end", () => response.writeHead(400).end("no such column"));
  };
  await deploy("failing", ["a", "b", "c"]);
  const error = await failure({ EndpointName: "failing", Body: Buffer.from("1") });
  expect(error).toMatchObject({ name: "ModelError", OriginalStatusCode: 400, OriginalMessage: "no such column" });
  expect(error.message).toMatch(/^Received client error \(400\) from container-2 with message "no such column"\./u);
  expect(requestsOf("c")).toBe(0);

  server.engine.behaviour = (request, response, run) => {
    if (run.spec.environment["LETTER"] !== "b") return void letters(request, response, run);
    request.resume().on("end", () => response.destroy());
  };
  expect((await failure({ EndpointName: "failing", Body: Buffer.from("1") })).message).toMatch(
    /container container-2: it closed the connection/u,
  );
});

test("no more than 5 MB go from one container to the next; the last one may answer more", async () => {
  const size = 6 * 1024 ** 2;
  let large = "a";
  server.engine.behaviour = (request, response, { spec }) =>
    void request
      .resume()
      .on("end", () => response.end(spec.environment["LETTER"] === large ? Buffer.alloc(size) : "1"));
  await deploy("large", ["a", "b"]);
  const error = await failure({ EndpointName: "large", Body: Buffer.from("1") });
  expect(error.message).toContain(
    `The response from container container-1 to container container-2 has ${size} bytes; at most 5242880 bytes are handed on between containers.`,
  );
  large = "b";
  const answer = await server.runtime.send(
    new InvokeEndpointCommand({ EndpointName: "large", Body: Buffer.from("1") }),
  );
  expect(answer.Body).toHaveLength(size);
});

test("the last container's answer streams", async () => {
  server.engine.behaviour = (request, response, { spec }) =>
    void request.resume().on("end", () => {
      if (spec.environment["LETTER"] === "a") return void response.end("go");
      response.write("first");
      streaming.push(response);
    });
  const streaming: ServerResponse[] = [];
  await deploy("stream", ["a", "b"]);
  const { Body } = await server.runtime.send(
    new InvokeEndpointWithResponseStreamCommand({ EndpointName: "stream", Body: Buffer.from("1") }),
  );
  const parts: string[] = [];
  for await (const { PayloadPart } of Body ?? []) {
    parts.push(Buffer.from(PayloadPart?.Bytes ?? []).toString());
    // The second part is written only after the first one has come.
    if (parts.length === 1) streaming[0]?.end("second");
  }
  expect(parts).toEqual(["first", "second"]);
});

test("containers of a direct model are invoked by their names", async () => {
  server.engine.behaviour = (request, response, run) => void letters(request, response, run);
  await deploy("direct", ["left", "right"], { hostnames: true, mode: "Direct" });
  const answer = await server.runtime.send(
    new InvokeEndpointCommand({
      ...{ EndpointName: "direct", TargetContainerHostname: "right", ContentType: "text/csv", Body: Buffer.from("1") },
    }),
  );
  expect(Buffer.from(answer.Body).toString()).toBe("1right(text/csv,undefined)");
  expect(requestsOf("left")).toBe(0);
  const body = { EndpointName: "direct", Body: Buffer.from("1") };
  expect(await failure(body)).toMatchObject({
    name: "ValidationError",
    message: expect.stringMatching(/must be given.*left, right/u),
  });
  expect(await failure({ ...body, TargetContainerHostname: "up" })).toMatchObject({
    name: "ValidationError",
    message: expect.stringContaining("Container up"),
  });
  expect((await describeModel("direct")).InferenceExecutionConfig).toEqual({ Mode: "Direct" });

  await deploy("serial", ["a", "b"]);
  expect(await failure({ ...body, EndpointName: "serial", TargetContainerHostname: "a" })).toMatchObject({
    message: expect.stringContaining("whose containers are invoked directly"),
  });
});

test("an instance is replaced whole when one of its containers dies, and its front outlives the server", async () => {
  server.engine.behaviour = (request, response, run) => void letters(request, response, run);
  await deploy("crash", ["a", "b"]);
  const before = server.engine.running.map(({ id }) => id);
  server = await server.restart();
  server.engine.behaviour = (request, response, run) => void letters(request, response, run);
  expect(await invoke("crash")).toBe("1a(text/csv,undefined)b(text/a,undefined)");
  expect(server.engine.running.map(({ id }) => id)).toEqual(before);

  server.engine.crash(before.find((id) => id.endsWith("-c2")) as string, 1);
  await vi.waitFor(async () => {
    expect(await invoke("crash")).toBe("1a(text/csv,undefined)b(text/a,undefined)");
    expect(server.engine.running.map(({ id }) => id).filter((id) => before.includes(id))).toEqual([]);
  }, patiently);
});

test("a container that does not come up is named with its last words", async () => {
  server.engine.onStart = ({ environment }) => (environment["LETTER"] === "b" ? { exitCode: 3 } : undefined);
  await create("broken", ["a", "b"]);
  await vi.waitFor(async () => {
    const { EndpointStatus, FailureReason } = await server.sagemaker.send(
      new DescribeEndpointCommand({ EndpointName: "broken" }),
    );
    expect(EndpointStatus).toBe("Failed");
    expect(FailureReason).toMatch(/exited with code 3.*container-2/u);
    expect(server.engine.runs.size).toBe(0);
  }, patiently);
});

test.for<[string, object, RegExp]>([
  ["some names", { Containers: [named("a"), named()] }, /for all containers or for none; container 2 has none/u],
  ["a name twice", { Containers: [named("a"), named("a")] }, /"a" is given to two containers/u],
  [
    "direct without names",
    { Containers: [named(), named()], InferenceExecutionConfig: { Mode: "Direct" } },
    /Mode Direct every container needs a ContainerHostname; container 1 has none/u,
  ],
  [
    "direct with one",
    { Containers: [named("a")], InferenceExecutionConfig: { Mode: "Direct" } },
    /needs a model of 2 to 15 containers; this one has 1/u,
  ],
  [
    "a large environment together",
    { Containers: Array.from({ length: 11 }, () => named(undefined, 3)) },
    /has \d+ bytes; the limit is 32768/u,
  ],
])("a model with %s is refused", async ([, request, message]) => {
  const create = new CreateModelCommand({ ModelName: "refused", ExecutionRoleArn: role, ...request });
  await expect(server.sagemaker.send(create)).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringMatching(message),
  });
});

function named(ContainerHostname?: string, kilobytes = 0) {
  const variables = Array.from({ length: kilobytes }, (_, index) => [`V${index}`, "v".repeat(1_024)]);
  return {
    Image: "linear-learner",
    Environment: Object.fromEntries(variables) as Record<string, string>,
    ...(ContainerHostname !== undefined && { ContainerHostname }),
  };
}

async function create(
  name: string,
  containers: readonly string[],
  { hostnames = false, mode }: { hostnames?: boolean; mode?: "Direct" | "Serial" } = {},
): Promise<void> {
  const ModelDataUrl = await server.upload("model.tar.gz", modelArchive());
  const Containers = containers.map((letter) => ({
    ...{ Image: "linear-learner", ModelDataUrl, Environment: { LETTER: letter } },
    ...(hostnames && { ContainerHostname: letter }),
  }));
  const InferenceExecutionConfig = mode && { Mode: mode };
  await server.sagemaker.send(
    new CreateModelCommand({ ModelName: name, ExecutionRoleArn: role, Containers, InferenceExecutionConfig }),
  );
  const variant = {
    VariantName: "All",
    ModelName: name,
    InstanceType: "ml.m5.large",
    InitialInstanceCount: 1,
  } as const;
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants: [variant] }),
  );
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
}

async function deploy(...parameters: Parameters<typeof create>): Promise<void> {
  await create(...parameters);
  await vi.waitFor(async () => {
    const { EndpointStatus } = await server.sagemaker.send(
      new DescribeEndpointCommand({ EndpointName: parameters[0] }),
    );
    expect(EndpointStatus).toBe("InService");
  }, patiently);
}

function requestsOf(letter: string): number {
  const runs = server.engine.running.filter(({ spec }) => spec.environment["LETTER"] === letter);
  return runs.reduce((sum, { requests }) => sum + requests.length, 0);
}

async function invoke(EndpointName: string): Promise<string> {
  const answer = await server.runtime.send(
    new InvokeEndpointCommand({ EndpointName, ContentType: "text/csv", Body: Buffer.from("1") }),
  );
  return Buffer.from(answer.Body).toString();
}

async function failure(input: InvokeEndpointCommandInput): Promise<ModelError> {
  return await server.runtime.send(new InvokeEndpointCommand(input)).then(
    () => expect.fail("it was answered"),
    (error: ModelError) => error,
  );
}

function describeModel(ModelName: string) {
  return server.sagemaker.send(new DescribeModelCommand({ ModelName }));
}
