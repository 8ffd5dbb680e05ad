import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { CreateEndpointCommand, CreateEndpointConfigCommand, CreateModelCommand } from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, type InvokeEndpointCommandInput, ModelError } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ServingServer, startServingServer } from "../../serving/testkit/serving-server.ts";

let server: ServingServer;
beforeEach(async () => {
  server = await startServingServer();
});
afterEach(() => server.close());

const patiently = { timeout: 10_000, interval: 5 };

test("the container contract's headers cross over, and nothing else does", async () => {
  await deploy("headers");
  server.engine.behaviour = (request, response) => {
    request.resume();
    response.writeHead(200, {
      "content-type": "application/json",
      "x-amzn-sagemaker-custom-attributes": "answer=42",
      "x-amzn-sagemaker-new-session-id": "abc; Expires=2026-01-01T00:00:00Z",
      "x-secret": "for nobody",
      "set-cookie": "a=b",
    });
    response.end("{}");
  };
  const answer = await invoke({
    EndpointName: "headers",
    ContentType: "text/csv",
    Accept: "application/json",
    CustomAttributes: "question=?",
    InferenceId: "id-1",
    Body: Buffer.from("1"),
  });
  expect(answer).toMatchObject({
    ContentType: "application/json",
    InvokedProductionVariant: "AllTraffic",
    CustomAttributes: "answer=42",
    NewSessionId: "abc-i1; Expires=2026-01-01T00:00:00Z",
  });
  const seen = server.engine.running[0]?.requests[0];
  expect(seen?.method).toBe("POST");
  expect(seen?.url).toBe("/invocations");
  expect(Object.keys(seen?.headers ?? {}).sort()).toEqual([
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "x-amzn-sagemaker-custom-attributes",
  ]);
  expect(seen?.headers).toMatchObject({
    "content-type": "text/csv",
    accept: "application/json",
    "x-amzn-sagemaker-custom-attributes": "question=?",
  });
});

test.for([0, 1, 3_000, 70_000, 3_000_000])("a body of %i bytes goes through unchanged, both ways", async (size) => {
  await deploy("echo");
  const body = randomBytes(size);
  const answer = await invoke({ EndpointName: "echo", Body: body });
  expect(Buffer.compare(Buffer.from(answer.Body ?? []), body)).toBe(0);
});

test("a client error of the model is a ModelError with all its members", async () => {
  await deploy("refusing");
  server.engine.behaviour = (request, response) =>
    void request.resume().on("end", () => response.writeHead(415).end("bad content type"));
  const error = await failure({ EndpointName: "refusing", Body: Buffer.from("x") });
  expect(error).toBeInstanceOf(ModelError);
  expect(error).toMatchObject({
    $metadata: { httpStatusCode: 424 },
    OriginalStatusCode: 415,
    OriginalMessage: "bad content type",
    LogStreamArn: "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/refusing",
    message: `Received client error (415) from primary with message "bad content type". See the log group /aws/sagemaker/Endpoints/refusing (sagebrush logs refusing --endpoint) in account 123456789012 for more information.`,
  });
});

test("a server error of the model is a ModelError, its message cut to what the API carries", async () => {
  await deploy("failing");
  server.engine.behaviour = (request, response) =>
    void request.resume().on("end", () => response.writeHead(500).end("e".repeat(200_000)));
  const error = await failure({ EndpointName: "failing", Body: Buffer.from("x") });
  expect(error).toMatchObject({ name: "ModelError", OriginalStatusCode: 500, OriginalMessage: "e".repeat(2_048) });
  expect(error.message).toMatch(/^Received server error \(500\) from primary with message "e+"\. See /u);
  expect(error.message).toHaveLength(2_048);
});

test("a model that hangs is given up in time, and the endpoint goes on", async () => {
  await server.close();
  server = await startServingServer({ invocationTimeoutMs: 300 });
  await deploy("hanging");
  server.engine.behaviour = () => undefined;
  const error = await failure({ EndpointName: "hanging", Body: Buffer.from("x") });
  expect(error).toMatchObject({ name: "ModelError", OriginalStatusCode: 0, $metadata: { httpStatusCode: 424 } });
  expect(error.message).toMatch(
    /^Received server error \(0\) from primary with message "Your invocation timed out while waiting for a response from container primary\./u,
  );
  server.engine.behaviour = (request, response) => void request.pipe(response);
  expect(await text({ EndpointName: "hanging", Body: Buffer.from("again") })).toBe("again");
});

test("an answer that breaks off is a ModelError, never a short success", async () => {
  await deploy("breaking");
  server.engine.behaviour = (request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, { "content-length": 100 });
      response.write("half", () => response.destroy());
    });
  };
  const error = await failure({ EndpointName: "breaking", Body: Buffer.from("x") });
  expect(error).toMatchObject({ name: "ModelError", OriginalStatusCode: 0 });
  // Part of an answer was seen: nobody else may get the request.
  expect(requestCount()).toBe(1);
});

test("a long answer that breaks off cuts the caller's connection", async () => {
  await deploy("breaking-late");
  server.engine.behaviour = (request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, { "content-length": 1_000_000 });
      response.write(Buffer.alloc(500_000), () => setTimeout(() => response.destroy(), 20));
    });
  };
  await expect(invoke({ EndpointName: "breaking-late", Body: Buffer.from("x") })).rejects.toThrow();
});

test("what is not HTTP is a ModelError", async () => {
  await deploy("babbling");
  server.engine.behaviour = (request) => void request.socket.end("SSH-2.0-not-http\r\n\r\n");
  expect(await failure({ EndpointName: "babbling", Body: Buffer.from("x") })).toMatchObject({ name: "ModelError" });
});

test("a request is tried once more elsewhere when no byte of an answer was seen, and only once", async () => {
  await deploy("flaky", { instances: 3 });
  let calls = 0;
  server.engine.behaviour = (request, response) => {
    calls += 1;
    if (calls === 1) request.socket.destroy();
    else request.pipe(response);
  };
  expect(await text({ EndpointName: "flaky", Body: Buffer.from("x") })).toBe("x");
  expect(calls).toBe(2);
  calls = 0;
  server.engine.behaviour = (request) => {
    calls += 1;
    request.socket.destroy();
  };
  expect(await failure({ EndpointName: "flaky", Body: Buffer.from("x") })).toMatchObject({ name: "ModelError" });
  expect(calls).toBe(2);
});

test("while no instance is healthy callers are told so, retryably", async () => {
  await deploy("down");
  server.engine.onStart = () => ({ exitCode: 1 });
  server.engine.crash(server.engine.running[0]?.id as string, 1);
  await vi.waitFor(async () => {
    expect(await failure({ EndpointName: "down", Body: Buffer.from("x") })).toMatchObject({
      name: "ServiceUnavailable",
      $metadata: { httpStatusCode: 503 },
    });
  }, patiently);
});

test("idle instances take turns and busy ones are spared", async () => {
  await deploy("balanced", { instances: 2 });
  for (let n = 0; n < 10; n++) await text({ EndpointName: "balanced", Body: Buffer.from("x") });
  expect(server.engine.running.map(({ requests }) => requests.length)).toEqual([5, 5]);
  const release: (() => void)[] = [];
  const [busy] = server.engine.running;
  server.engine.behaviour = (request, response, run) => {
    if (run === busy) release.push(() => request.pipe(response));
    else request.pipe(response);
  };
  const before = busy?.requests.length as number;
  // Two at once go to one each, so that one of them is stuck.
  const stuck = [1, 2].map(() => text({ EndpointName: "balanced", Body: Buffer.from("x") }));
  await vi.waitFor(() => expect(release).toHaveLength(1), patiently);
  for (let n = 0; n < 5; n++) await text({ EndpointName: "balanced", Body: Buffer.from("x") });
  expect(busy?.requests).toHaveLength(before + 1);
  for (const go of release) go();
  await Promise.all(stuck);
});

test("variants share traffic by weight, and TargetVariant overrides it", async () => {
  await deploy("split", { variants: { Blue: 3, Green: 1, Dark: 0 } });
  const served = new Map<string, number>();
  for (let n = 0; n < 200; n++) {
    const { InvokedProductionVariant = "" } = await invoke({ EndpointName: "split", Body: Buffer.from("x") });
    served.set(InvokedProductionVariant, (served.get(InvokedProductionVariant) ?? 0) + 1);
  }
  expect([...served.keys()].sort()).toEqual(["Blue", "Green"]);
  // 200 draws of p = 3/4: outside these bounds once in a hundred million runs.
  expect(served.get("Blue")).toBeGreaterThan(112);
  expect(served.get("Blue")).toBeLessThan(184);
  const dark = await invoke({ EndpointName: "split", TargetVariant: "Dark", Body: Buffer.from("x") });
  expect(dark.InvokedProductionVariant).toBe("Dark");
  await expect(invoke({ EndpointName: "split", TargetVariant: "Red", Body: Buffer.from("x") })).rejects.toMatchObject({
    name: "ValidationError",
    message: "Variant Red of endpoint split not found.",
  });
  const scope = { account: server.account, region: "eu-west-1" };
  expect(server.serving.metrics.of(scope, "split", "Dark")).toMatchObject({
    invocations: 1,
  });
});

test("requests that no endpoint can serve are refused with the reason", async () => {
  await deploy("strict");
  expect(await failure({ EndpointName: "missing", Body: Buffer.from("x") })).toMatchObject({
    name: "ValidationError",
    message: "Endpoint missing of account 123456789012 not found.",
    $metadata: { httpStatusCode: 400 },
  });
  expect(await failure({ EndpointName: "strict", TargetModel: "a.tar.gz", Body: Buffer.from("x") })).toMatchObject({
    name: "ValidationError",
  });
  expect(await failure({ EndpointName: "strict", EnableExplanations: "`true`", Body: Buffer.from("x") })).toMatchObject(
    {
      ...{ name: "ValidationError", message: /endpoint strict has no ExplainerConfig/u },
    },
  );
});

test("a body over the limit is refused", async () => {
  await deploy("small");
  const error = await failure({ EndpointName: "small", Body: Buffer.alloc(25 * 1024 * 1024 + 1) });
  expect(error).toMatchObject({ name: "ValidationError", $metadata: { httpStatusCode: 400 } });
  expect(requestCount()).toBe(0);
});

test("a caller that hangs up leaves nothing behind", async () => {
  await deploy("abandoned");
  let release = (): void => undefined;
  server.engine.behaviour = (request, response) => {
    release = () => void request.pipe(response);
  };
  const hungUp = new AbortController();
  const call = server.runtime.send(new InvokeEndpointCommand({ EndpointName: "abandoned", Body: Buffer.from("x") }), {
    abortSignal: hungUp.signal,
  });
  await vi.waitFor(() => expect(requestCount()).toBe(1), patiently);
  hungUp.abort();
  await expect(call).rejects.toThrow();
  release();
  const [run] = server.engine.running;
  await vi.waitFor(() => expect(server.serving.routes.backend(run?.id as string)?.outstanding).toBe(0), patiently);
});

test("clients that open connections and say nothing hold nobody up", async () => {
  await deploy("patient");
  const { hostname, port } = new URL(server.address);
  const idle = Array.from({ length: 200 }, () => connect(Number(port), hostname));
  await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
  expect(await text({ EndpointName: "patient", Body: Buffer.from("x") })).toBe("x");
  for (const socket of idle) socket.destroy();
});

interface Shape {
  instances?: number;
  variants?: Record<string, number>;
}

async function deploy(name: string, { instances = 1, variants = { AllTraffic: 1 } }: Shape = {}): Promise<void> {
  const role = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  const PrimaryContainer = { Image: "linear-learner" };
  await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn: role, PrimaryContainer }));
  const ProductionVariants = Object.entries(variants).map(([VariantName, InitialVariantWeight]) => ({
    VariantName,
    ModelName: name,
    InstanceType: "ml.m5.large" as const,
    InitialInstanceCount: instances,
    InitialVariantWeight,
  }));
  await server.sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants }));
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  const endpoint = { account: server.account, region: "eu-west-1", name };
  await vi.waitFor(() => expect(server.serving.routes.lookup(endpoint)).toBeDefined(), patiently);
}

async function invoke(input: InvokeEndpointCommandInput) {
  return await server.runtime.send(new InvokeEndpointCommand(input));
}

async function text(input: InvokeEndpointCommandInput): Promise<string> {
  return Buffer.from((await invoke(input)).Body).toString();
}

/** The error that an invocation ends with. */
async function failure(input: InvokeEndpointCommandInput): Promise<ModelError> {
  return await invoke(input).then(
    () => expect.fail("the invocation succeeded"),
    (error: ModelError) => error,
  );
}

function requestCount(): number {
  return [...server.engine.runs.values()].reduce((sum, { requests }) => sum + requests.length, 0);
}
