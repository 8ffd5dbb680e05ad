import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { CreateEndpointCommand, CreateEndpointConfigCommand, CreateModelCommand } from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, expect, test, vi } from "vitest";
import { bodyBudget } from "../../gateway/body-budget.ts";
import { type ServingServer, startServingServer } from "../../serving/testkit/serving-server.ts";

let server: ServingServer;
let runtime: SageMakerRuntimeClient;
let held: { request: IncomingMessage; response: ServerResponse }[];
afterEach(async () => {
  runtime.destroy();
  await server.close();
});

const patiently = { timeout: 20_000, interval: 5 };

test("a full instance refuses within 10 ms, retryably, and takes requests again when it has room", async () => {
  await open({ requestsPerInstance: 2, endpoints: { full: 1 } });
  const [first, second] = [invoke("full"), invoke("full")];
  await vi.waitFor(() => expect(held).toHaveLength(2), patiently);
  const times: number[] = [];
  for (let n = 0; n < 40; n++) {
    const began = performance.now();
    const refused = invoke("full");
    await expect(refused).rejects.toMatchObject({
      name: "ServiceUnavailable",
      $fault: "server",
      $metadata: { httpStatusCode: 503 },
      message: "Variant All has as many requests as it can hold. Try again later.",
    });
    times.push(performance.now() - began);
  }
  // The whole way of the client and back; slower ones are this machine's other work.
  expect(times.sort((a, b) => a - b)[10]).toBeLessThan(10);
  expect(held).toHaveLength(2);
  release();
  expect(await Promise.all([first, second])).toEqual(["x", "x"]);
  const third = invoke("full");
  await vi.waitFor(() => expect(held).toHaveLength(1), patiently);
  release();
  expect(await third).toBe("x");
  expect(totals("full")).toMatchObject({ invocations: 3, refused: 40, serverErrors: 0 });
});

test("the limit is each instance's own", async () => {
  await open({ requestsPerInstance: 3, endpoints: { pair: 2 } });
  const all = Array.from({ length: 10 }, () => invoke("pair"));
  const outcomes = Promise.allSettled(all);
  await vi.waitFor(() => expect(held).toHaveLength(6), patiently);
  await vi.waitFor(() => expect(totals("pair").refused).toBe(4), patiently);
  expect(server.engine.running.map(({ requests }) => requests.length)).toEqual([3, 3]);
  release();
  expect((await outcomes).filter(({ status }) => status === "fulfilled")).toHaveLength(6);
});

test("a thousand callers of a model that hangs: some are held, the rest refused, other endpoints answer", async () => {
  await open({ requestsPerInstance: 50, endpoints: { hanging: 1, healthy: 1 } });
  const callers = Array.from({ length: 1_000 }, () => invoke("hanging"));
  const outcomes = Promise.allSettled(callers);
  await vi.waitFor(() => expect(held).toHaveLength(50), patiently);
  await vi.waitFor(() => expect(totals("hanging").refused).toBe(950), patiently);
  expect(await invoke("healthy")).toBe("x");
  release();
  expect((await outcomes).filter(({ status }) => status === "fulfilled")).toHaveLength(50);
  const [run] = server.engine.running;
  await vi.waitFor(() => expect(server.serving.routes.backend(run?.id ?? "")?.outstanding).toBe(0), patiently);
});

test("large bodies are held up to a part of the memory, and refused beyond it until others are answered", async () => {
  await open({ endpoints: { hanging: 1, healthy: 1 } });
  const { limitBytes } = bodyBudget;
  bodyBudget.limitBytes = 1024 * 1024;
  try {
    const body = Buffer.alloc(300 * 1024);
    const first = Promise.all([1, 2, 3].map(() => invoke("hanging", body)));
    await vi.waitFor(() => expect(held).toHaveLength(3), patiently);
    await expect(invoke("hanging", body)).rejects.toMatchObject({
      name: "ServiceUnavailable",
      $metadata: { httpStatusCode: 503 },
      message: "The server holds as many bytes of requests as its memory allows. Try again later.",
    });
    // Small ones are no burden.
    expect(await invoke("healthy")).toBe("x");
    expect(bodyBudget.heldBytes).toBe(3 * body.length);
    release();
    expect(await first).toHaveLength(3);
    await vi.waitFor(() => expect(bodyBudget.heldBytes).toBe(0), patiently);
    expect((await invoke("healthy", body)).length).toBe(body.length);
  } finally {
    bodyBudget.limitBytes = limitBytes;
  }
});

test("a thousand connections that are opened and held, at every point of a request, hold nobody up", async () => {
  await open({ endpoints: { healthy: 1 } });
  const { hostname, port, host } = new URL(server.address);
  const head = `POST /endpoints/healthy/invocations HTTP/1.1\r\nhost: ${host}\r\n`;
  const beginnings = ["", "POST /endpo", head, `${head}content-length: 1000\r\n\r\nhalf`];
  const sockets = await Promise.all(
    Array.from({ length: 1_000 }, async (_, n) => {
      const socket: Socket = connect(Number(port), hostname).on("error", () => undefined);
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.write(beginnings[n % beginnings.length] ?? "");
      return socket;
    }),
  );
  for (let n = 0; n < 5; n++) expect(await invoke("healthy")).toBe("x");
  for (const socket of sockets) socket.destroy();
});

interface Setting {
  readonly requestsPerInstance?: number;
  /** How many instances each has. */
  readonly endpoints: Readonly<Record<string, number>>;
}

/** Endpoints of models that hold every request until `release`, but for the one called `healthy`. */
async function open({ endpoints, ...options }: Setting): Promise<void> {
  server = await startServingServer(options);
  held = [];
  server.engine.behaviour = (request, response, run) => {
    if (run.spec.environment["NAME"] === "healthy") request.pipe(response);
    else held.push({ request, response });
  };
  runtime = new SageMakerRuntimeClient({
    ...{ endpoint: server.address, region: "eu-west-1", maxAttempts: 1 },
    credentials: () => server.runtime.config.credentials(),
    requestHandler: { httpAgent: { maxSockets: 2_000 } },
  });
  for (const [name, instances] of Object.entries(endpoints)) await deploy(name, instances);
}

function release(): void {
  for (const { request, response } of held.splice(0)) request.pipe(response);
}

function totals(endpoint: string) {
  return server.serving.metrics.of({ account: server.account, region: "eu-west-1" }, endpoint, "All").totals();
}

async function invoke(EndpointName: string, body = Buffer.from("x")): Promise<string> {
  const { Body } = await runtime.send(new InvokeEndpointCommand({ EndpointName, Body: body }));
  return Buffer.from(Body).toString();
}

async function deploy(name: string, InitialInstanceCount: number): Promise<void> {
  const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  const PrimaryContainer = { Image: "linear-learner", Environment: { NAME: name } };
  await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn, PrimaryContainer }));
  const variant = { VariantName: "All", ModelName: name, InstanceType: "ml.m5.large" as const, InitialInstanceCount };
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants: [variant] }),
  );
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  const endpoint = { account: server.account, region: "eu-west-1", name };
  await vi.waitFor(() => expect(server.serving.routes.lookup(endpoint)).toBeDefined(), patiently);
}
