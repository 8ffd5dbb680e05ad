import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent } from "node:http";
import { text as textOf } from "node:stream/consumers";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  type DataCaptureConfig,
  DeleteEndpointCommand,
  DescribeEndpointCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from "@aws-sdk/client-sagemaker";
import {
  InvokeEndpointCommand,
  type InvokeEndpointCommandInput,
  InvokeEndpointWithResponseStreamCommand,
  SageMakerRuntimeClient,
  type SageMakerRuntimeClientConfig,
} from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ServingServer, startServingServer } from "../serving/testkit/serving-server.ts";

const patiently = { timeout: 20_000, interval: 5 };
const region = "eu-west-1";
const limit = 30;

let server: ServingServer;
/** Each request has a connection of its own, so that all workers get some. */
let runtime: SageMakerRuntimeClient;
let held: { request: IncomingMessage; response: ServerResponse }[];
beforeEach(async () => {
  server = await startServingServer({ workers: 2, requestsPerInstance: limit });
  runtime = client({ credentials: server.credentialStore.root });
  held = [];
  await vi.waitFor(() => expect(server.workers?.size).toBe(2), patiently);
});
afterEach(async () => {
  runtime.destroy();
  await server.close();
});

test("workers share the port, the routes and the count of what is under way; the rest goes to the main process", async () => {
  await deploy("shared");
  hold();
  const first = Array.from({ length: 24 }, () => invoke({ EndpointName: "shared" }));
  await vi.waitFor(() => expect(held).toHaveLength(24), patiently);
  const [main = 0, ...workers] = counts();
  expect(main).toBe(0);
  expect(workers.every((count) => count > 0)).toBe(true);
  expect(sum(workers)).toBe(24);
  const calls = Promise.allSettled([...first, ...Array.from({ length: 36 }, () => invoke({ EndpointName: "shared" }))]);
  // All are decided on before any is let go.
  await vi.waitFor(() => expect(held.length + totals("shared").refused).toBe(60), patiently);
  const admitted = held.length;
  expect(admitted).toBeGreaterThanOrEqual(limit);
  // Two threads may look at the count in the same moment: at most one more than the limit for each other worker.
  expect(admitted).toBeLessThanOrEqual(limit + 1);
  release();
  const outcomes = await calls;
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(admitted);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ name: "ServiceUnavailable" });
  }
  expect(sum(counts())).toBe(0);
  await vi.waitFor(() => expect(totals("shared")).toMatchObject({ invocations: admitted, serverErrors: 0 }), patiently);
  expect(totals("shared").model.count).toBe(admitted);
});

test("no request fails while instances come and go, and every worker knows when the endpoint is gone", async () => {
  await deploy("elastic");
  let isOver = false;
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) expect(await invoke({ EndpointName: "elastic" })).toBe("x");
  });
  for (const DesiredInstanceCount of [3, 1, 2]) {
    await server.sagemaker.send(
      new UpdateEndpointWeightsAndCapacitiesCommand({
        EndpointName: "elastic",
        DesiredWeightsAndCapacities: [{ VariantName: "All", DesiredInstanceCount }],
      }),
    );
    await vi.waitFor(async () => {
      const described = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: "elastic" }));
      expect(described).toMatchObject({
        EndpointStatus: "InService",
        ProductionVariants: [{ CurrentInstanceCount: DesiredInstanceCount }],
      });
    }, patiently);
  }
  isOver = true;
  await Promise.all(load);
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "elastic" }));
  await vi.waitFor(() => expect(server.engine.running).toHaveLength(0), patiently);
  const gone = await Promise.allSettled(Array.from({ length: 10 }, () => invoke({ EndpointName: "elastic" })));
  for (const outcome of gone) {
    expect(outcome).toMatchObject({
      status: "rejected",
      reason: { name: "ValidationError", message: "Endpoint elastic of account 123456789012 not found." },
    });
  }
});

test("a worker that dies takes its own requests along, is replaced, and leaves no count behind", async () => {
  await deploy("sturdy");
  hold();
  const calls = Array.from({ length: 16 }, () => invoke({ EndpointName: "sturdy" }));
  const outcomes = Promise.allSettled(calls);
  await vi.waitFor(() => expect(held).toHaveLength(16), patiently);
  const [, , ofSecond = 0] = counts();
  await server.workers?.crash(1);
  expect(counts().slice(0, 2)).toEqual([0, 0]);
  release();
  expect((await outcomes).filter(({ status }) => status === "fulfilled")).toHaveLength(ofSecond);
  await vi.waitFor(() => expect(server.workers?.size).toBe(2), patiently);
  hold();
  const again = Promise.all(Array.from({ length: 16 }, () => invoke({ EndpointName: "sturdy" })));
  await vi.waitFor(() => expect(held).toHaveLength(16), patiently);
  expect(counts()[1]).toBeGreaterThan(0);
  release();
  await again;
});

test("signatures, temporary credentials, sessions and streams are a worker's own business", async () => {
  await deploy("talkative", { instances: 3 });
  const wrong = client({ credentials: { ...server.credentialStore.root, secretAccessKey: "x".repeat(40) } });
  const send = (by: SageMakerRuntimeClient) =>
    by.send(new InvokeEndpointCommand({ EndpointName: "talkative", Body: "x" }));
  await expect(send(wrong)).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
  const session = { account: server.account, arn: "arn:aws:sts::1:assumed-role/r/s", userId: "AROA:s" };
  const { token, ...keys } = server.credentialStore.createSession({ ...session, expiresAt: Date.now() + 60_000 });
  const temporary = client({ credentials: { ...keys, sessionToken: token } });
  expect((await send(temporary)).InvokedProductionVariant).toBe("All");
  const elsewhere = { ...session, account: "999999999999", expiresAt: Date.now() + 60_000 };
  const { token: other, ...foreign } = server.credentialStore.createSession(elsewhere);
  const stranger = client({ credentials: { ...foreign, sessionToken: other } });
  await expect(send(stranger)).rejects.toThrow("Endpoint talkative of account 999999999999 not found.");
  for (const each of [wrong, temporary, stranger]) each.destroy();

  server.engine.behaviour = (request, response, run) => {
    if (request.headers["x-amzn-sagemaker-session-id"] === "NEW_SESSION") {
      response.setHeader("x-amzn-sagemaker-new-session-id", "s; Expires=2036-01-01T00:00:00Z");
    }
    response.end(run.id);
    request.resume();
  };
  const opened = await runtime.send(
    new InvokeEndpointCommand({ EndpointName: "talkative", Body: "x", SessionId: "NEW_SESSION" }),
  );
  const SessionId = opened.NewSessionId?.split(";")[0] ?? "";
  const owner = Buffer.from(opened.Body).toString();
  for (let n = 0; n < 12; n++) expect(await invoke({ EndpointName: "talkative", SessionId })).toBe(owner);

  server.engine.behaviour = (request, response) => request.pipe(response);
  const stream = await runtime.send(
    new InvokeEndpointWithResponseStreamCommand({ EndpointName: "talkative", Body: "tick" }),
  );
  let streamed = "";
  for await (const { PayloadPart } of stream.Body ?? []) streamed += Buffer.from(PayloadPart?.Bytes ?? []).toString();
  expect(streamed).toBe("tick");
});

test("what workers capture is stored, and what they do not know is served by the main process", async () => {
  await server.upload("unrelated", Buffer.from(""));
  const DataCaptureConfig: DataCaptureConfig = {
    ...{ EnableCapture: true, InitialSamplingPercentage: 100, DestinationS3Uri: "s3://models/captured" },
    ...{ CaptureOptions: [{ CaptureMode: "InputAndOutput" }] },
  };
  await deploy("watched", { capture: DataCaptureConfig });
  await Promise.all(Array.from({ length: 12 }, () => invoke({ EndpointName: "watched" })));
  // A field of a newer version: whatever it means, the workers do not know.
  const key = { account: server.account, region, kind: "endpoint", name: "watched" };
  const record = await server.platform.store.get<object>(key);
  const value = { ...record?.value, novelty: true };
  await server.platform.store.write([{ op: "update", key, version: record?.version ?? 0, value, status: "InService" }]);
  await server.serving.routes.refresh({ account: server.account, region, name: "watched" });
  hold();
  const call = invoke({ EndpointName: "watched" });
  await vi.waitFor(() => expect(held).toHaveLength(1), patiently);
  expect(counts()).toEqual([1, 0, 0]);
  release();
  expect(await call).toBe("x");
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "watched" }));
  const { objects } = server.platform;
  const lines = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { key: name } of objects.list("models", "captured/watched/All/")) {
      found.push(...(await textOf(await objects.read("models", name))).trim().split("\n"));
    }
    return found;
  };
  await vi.waitFor(async () => expect(await lines()).toHaveLength(13), patiently);
});

test("a server that stops lets workers end what is under way", async () => {
  await deploy("ending");
  hold();
  const calls = Promise.all(Array.from({ length: 6 }, () => invoke({ EndpointName: "ending" })));
  await vi.waitFor(() => expect(held).toHaveLength(6), patiently);
  const drained = server.drain(20_000);
  release();
  expect(await calls).toEqual(Array.from({ length: 6 }, () => "x"));
  await drained;
  await expect(invoke({ EndpointName: "ending" })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(totals("ending").invocations).toBe(6);
});

function client(config: Pick<SageMakerRuntimeClientConfig, "credentials">): SageMakerRuntimeClient {
  const requestHandler = { httpAgent: new Agent({ keepAlive: false, maxSockets: 1_000 }) };
  return new SageMakerRuntimeClient({ endpoint: server.address, region, maxAttempts: 1, requestHandler, ...config });
}

/** What the main process and each worker have under way in all instances. */
function counts(): number[] {
  const all = server.engine.running.map(({ id }) => [...server.loads.of(id).cells.subarray(1)]);
  return all.reduce((total, each) => total.map((count, at) => count + (each[at] as number)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function totals(endpoint: string) {
  return server.serving.metrics.of({ account: server.account, region }, endpoint, "All").totals();
}

function hold(): void {
  server.engine.behaviour = (request, response) => void held.push({ request, response });
}

function release(): void {
  server.engine.behaviour = (request, response) => request.pipe(response);
  for (const { request, response } of held.splice(0)) request.pipe(response);
}

async function invoke(input: InvokeEndpointCommandInput | { EndpointName: string }): Promise<string> {
  const { Body } = await runtime.send(new InvokeEndpointCommand({ Body: "x", ...input }));
  return Buffer.from(Body).toString();
}

interface Shape {
  readonly instances?: number;
  readonly capture?: DataCaptureConfig;
}

async function deploy(name: string, { instances = 1, capture }: Shape = {}): Promise<void> {
  const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  const PrimaryContainer = { Image: "linear-learner" };
  await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn, PrimaryContainer }));
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({
      EndpointConfigName: name,
      ProductionVariants: [
        { VariantName: "All", ModelName: name, InstanceType: "ml.m5.large", InitialInstanceCount: instances },
      ],
      ...(capture && { DataCaptureConfig: capture }),
    }),
  );
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  await vi.waitFor(async () => {
    const { EndpointStatus } = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: name }));
    expect(EndpointStatus).toBe("InService");
  }, patiently);
}
