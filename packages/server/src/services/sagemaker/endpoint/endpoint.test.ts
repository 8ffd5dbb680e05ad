import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DeleteEndpointCommand,
  DeleteEndpointConfigCommand,
  DeleteModelCommand,
  DescribeEndpointCommand,
  ListEndpointsCommand,
  UpdateEndpointCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, expect, test, vi } from "vitest";
import { RunRefused } from "../../../engines/engine.ts";
import type { FakeRun } from "../../../serving/testkit/fake-engine.ts";
import { modelArchive, type ServingServer, startServingServer } from "../../../serving/testkit/serving-server.ts";
import { tarGzOf } from "../../../serving/testkit/tar-builder.ts";
import { endpointController } from "./reconcile.ts";

let server: ServingServer;
afterEach(() => server.close());

const role = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
const patiently = { timeout: 10_000, interval: 5 };

test("an endpoint comes up from a model, answers and goes away without a trace", async () => {
  server = await startServingServer();
  await deploy("first");
  const described = await describe("first");
  expect(described).toMatchObject({
    EndpointArn: "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/first",
    EndpointConfigName: "first",
    EndpointStatus: "InService",
    ProductionVariants: [
      {
        VariantName: "AllTraffic",
        CurrentInstanceCount: 1,
        DesiredInstanceCount: 1,
        CurrentWeight: 1,
        DesiredWeight: 1,
      },
    ],
  });
  expect(described.FailureReason).toBeUndefined();
  expect(await invoke("first", "1,2")).toBe("1,2");
  const [run] = server.engine.running as [FakeRun];
  expect(run.id).toMatch(/^e-[0-9a-f]{12}-1$/u);
  expect(run.spec).toMatchObject({
    serves: { socket: true },
    network: { kind: "none" },
    environment: { GREETING: "hello" },
  });
  expect(run.spec.channels).toMatchObject([
    { target: "/opt/ml/model", readOnly: true, files: [{ path: "model.json" }] },
  ]);
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "first" }));
  await gone("first");
  expect(server.engine.runs.size).toBe(0);
  await expect(invoke("first", "1,2")).rejects.toMatchObject({
    name: "ValidationError",
    message: "Endpoint first of account 123456789012 not found.",
  });
});

test("a model's role must be there, and is checked before anything of the model is", async () => {
  server = await startServingServer();
  const create = (account: string) =>
    server.sagemaker.send(
      new CreateModelCommand({
        ModelName: "m",
        ExecutionRoleArn: `arn:aws:iam::${account}:role/nobody`,
        PrimaryContainer: { Image: "linear-learner", ModelDataUrl: "s3://nowhere/model.tar.gz" },
      }),
    );
  await expect(create("123456789012")).rejects.toMatchObject({
    name: "ValidationException",
    message: /^Could not assume role arn:aws:iam::123456789012:role\/nobody\./u,
  });
  // A role of another account is taken as it is.
  await expect(create("999999999999")).rejects.toThrow(/Could not find model data/u);
});

test("what instances write is in memory where the configuration has a key, and goes with them", async () => {
  server = await startServingServer({ masterKey: "7e".repeat(32) });
  await deployConfig("sealed", { key: "alias/volumes" });
  await create("sealed", "sealed");
  await inService("sealed");
  const [run] = server.engine.running as [FakeRun];
  const folder = join(server.platform.dataDirectory.memory as string, "runs", run.id);
  expect(run.spec).toMatchObject({
    mlDirectory: join(folder, "ml"),
    scratch: { directory: join(folder, "scratch"), must: true },
  });
  expect(existsSync(run.spec.mlDirectory)).toBe(true);
  expect(existsSync(join(server.platform.dataDirectory.runs, run.id))).toBe(false);
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "sealed" }));
  await gone("sealed");
  expect(existsSync(folder)).toBe(false);
});

test("a key that cannot be had is refused by its member", async () => {
  server = await startServingServer();
  await expect(deployConfig("sealed", { key: "alias/volumes" })).rejects.toMatchObject({
    name: "ValidationException",
    message: /^KmsKeyId: /u,
  });
});

test("names must be free, configurations and models must be there", async () => {
  server = await startServingServer();
  await deploy("taken");
  await expect(create("taken", "taken")).rejects.toMatchObject({
    name: "ValidationException",
    message: /Cannot create already existing endpoint "arn:.*:endpoint\/taken"\./u,
  });
  await expect(create("other", "missing")).rejects.toThrow(
    /Could not find endpoint configuration "arn:.*\/missing"\./u,
  );
  await expect(configure("c", { model: "missing" })).rejects.toThrow(/Could not find model "arn:.*model\/missing"\./u);
  await expect(describe("missing")).rejects.toMatchObject({
    name: "ValidationException",
    message: /Could not find endpoint "arn:.*\/missing"\./u,
  });
});

test("more instances than the host has memory for are refused", async () => {
  server = await startServingServer();
  await deployConfig("crowd", { instances: 1_000_000 });
  await expect(create("crowd", "crowd")).rejects.toMatchObject({
    name: "ResourceLimitExceeded",
    message: /^Endpoint configuration crowd asks for 1000000 instances; this host has the memory for at most \d+\.$/u,
  });
});

test("lists filter by status and name", async () => {
  server = await startServingServer();
  await deploy("a-one");
  await deploy("b-two");
  const named = await server.sagemaker.send(new ListEndpointsCommand({ NameContains: "two" }));
  expect(named.Endpoints?.map(({ EndpointName }) => EndpointName)).toEqual(["b-two"]);
  const serving = await server.sagemaker.send(
    new ListEndpointsCommand({ StatusEquals: "InService", SortBy: "Name", SortOrder: "Ascending" }),
  );
  expect(serving.Endpoints?.map(({ EndpointName }) => EndpointName)).toEqual(["a-one", "b-two"]);
});

test("an endpoint needs neither its configuration nor its model once it exists", async () => {
  server = await startServingServer();
  await deploy("free");
  await server.sagemaker.send(new DeleteEndpointConfigCommand({ EndpointConfigName: "free" }));
  await server.sagemaker.send(new DeleteModelCommand({ ModelName: "free" }));
  const [run] = server.engine.running as [FakeRun];
  server.engine.crash(run.id, 1);
  await vi.waitFor(async () => expect(await invoke("free", "x")).toBe("x"), patiently);
});

test("an update brings the new fleet up first, and no request fails while traffic moves", async () => {
  server = await startServingServer();
  server.engine.behaviour = (request, response, run) => {
    // Slow enough that requests are always under way when the old fleet goes.
    request.resume().on("end", () => setTimeout(() => response.end(run.spec.environment["GREETING"]), 10));
  };
  await deploy("moving", { instances: 2 });
  await deployConfig("second", { greeting: "goodbye", instances: 2 });
  let isOver = false;
  const answers: string[] = [];
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) answers.push(await invoke("moving", "x"));
  });
  await server.sagemaker.send(new UpdateEndpointCommand({ EndpointName: "moving", EndpointConfigName: "second" }));
  expect((await describe("moving")).EndpointStatus).toBe("Updating");
  await inService("moving");
  await vi.waitFor(() => expect(server.engine.running).toHaveLength(2), patiently);
  await vi.waitFor(() => expect(answers.at(-1)).toBe("goodbye"), patiently);
  isOver = true;
  await Promise.all(load);
  expect(new Set(answers)).toEqual(new Set(["hello", "goodbye"]));
  expect(answers.lastIndexOf("hello")).toBeLessThan(answers.length - 1);
  expect(await describe("moving")).toMatchObject({ EndpointConfigName: "second", EndpointStatus: "InService" });
});

test("an update that cannot come up leaves the old fleet serving and says why", async () => {
  server = await startServingServer();
  await deploy("steady");
  await deployConfig("broken", { greeting: "broken" });
  server.engine.onStart = (spec) => (spec.environment["GREETING"] === "broken" ? { exitCode: 3 } : undefined);
  await server.sagemaker.send(new UpdateEndpointCommand({ EndpointName: "steady", EndpointConfigName: "broken" }));
  await inService("steady");
  expect(await describe("steady")).toMatchObject({
    EndpointConfigName: "steady",
    FailureReason: /production variant AllTraffic did not pass the ping health check.*exited with code 3/u,
  });
  expect(await invoke("steady", "x")).toBe("x");
});

test("two updates at once: one wins, the other is told to wait", async () => {
  server = await startServingServer();
  await deploy("contended");
  await deployConfig("left");
  await deployConfig("right");
  const update = (EndpointConfigName: string) =>
    server.sagemaker.send(new UpdateEndpointCommand({ EndpointName: "contended", EndpointConfigName }));
  const results = await Promise.allSettled([update("left"), update("right")]);
  expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const refused = results.find(({ status }) => status === "rejected") as PromiseRejectedResult;
  expect(refused.reason).toMatchObject({
    name: "ValidationException",
    message: /Cannot update in-progress endpoint "arn:.*\/contended"\./u,
  });
  await inService("contended");
});

test("two creations of one name at once: one endpoint", async () => {
  server = await startServingServer();
  await deployConfig("twin");
  const results = await Promise.allSettled([create("twin", "twin"), create("twin", "twin")]);
  expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  await inService("twin");
  expect(server.engine.started).toHaveLength(1);
});

test("a model process that dies is replaced, and the endpoint stays InService", async () => {
  server = await startServingServer();
  await deploy("crashing", { instances: 2 });
  const before = server.engine.running.map(({ id }) => id);
  server.engine.crash(before[0] as string, 137);
  for (let n = 0; n < 20; n++) expect(await invoke("crashing", "x")).toBe("x");
  expect((await describe("crashing")).EndpointStatus).toBe("InService");
  await vi.waitFor(async () => {
    expect(server.engine.running).toHaveLength(2);
    expect((await describe("crashing")).ProductionVariants?.[0]?.CurrentInstanceCount).toBe(2);
  }, patiently);
  expect(server.engine.running.map(({ id }) => id)).not.toContain(before[0]);
  expect(server.engine.removed).toEqual([before[0]]);
});

test("a container that dies at start fails the endpoint with its exit", async () => {
  server = await startServingServer();
  server.engine.onStart = () => ({ exitCode: 2 });
  await deployConfig("stillborn");
  await create("stillborn", "stillborn");
  await vi.waitFor(async () => expect((await describe("stillborn")).EndpointStatus).toBe("Failed"), patiently);
  const { FailureReason } = await describe("stillborn");
  expect(FailureReason).toMatch(
    /^The primary container for production variant AllTraffic did not pass the ping health check\. Please check CloudWatch logs for this endpoint\./u,
  );
  expect(FailureReason).toContain("it exited with code 2");
  await expect(
    server.sagemaker.send(new UpdateEndpointCommand({ EndpointName: "stillborn", EndpointConfigName: "stillborn" })),
  ).rejects.toMatchObject({ name: "ValidationException" });
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "stillborn" }));
  await gone("stillborn");
});

test("a container that answers its ping late serves from then on, and nobody is sent there before", async () => {
  server = await startServingServer();
  let pings = 0;
  server.engine.pinged = (response) => {
    pings += 1;
    if (pings < 20) response.writeHead(503).end();
    else response.writeHead(200).end();
  };
  await deployConfig("slow");
  await create("slow", "slow");
  await vi.waitFor(() => expect(pings).toBeGreaterThan(3), patiently);
  await expect(invoke("slow", "x")).rejects.toThrow(/Endpoint slow of account 123456789012 not found/u);
  await inService("slow");
  expect(pings).toBeGreaterThanOrEqual(20);
  expect(await invoke("slow", "x")).toBe("x");
});

test("a model that exceeds its memory: at load the endpoint fails and says so, later the instance is replaced", async () => {
  server = await startServingServer();
  server.engine.onStart = () => ({ exitCode: 137, reason: "out-of-memory" });
  await deployConfig("greedy");
  await create("greedy", "greedy");
  await vi.waitFor(async () => expect((await describe("greedy")).EndpointStatus).toBe("Failed"), patiently);
  expect((await describe("greedy")).FailureReason).toMatch(/it ran out of memory/u);
  server.engine.onStart = () => undefined;
  await deploy("growing");
  const [first] = server.engine.running as [FakeRun];
  server.engine.behaviour = (_request, _response, run) => server.engine.crash(run.id, 137, "out-of-memory");
  await expect(invoke("growing", "x")).rejects.toMatchObject({
    name: expect.stringMatching(/^(?:ModelError|ServiceUnavailable)$/u),
  });
  server.engine.behaviour = (request, response) => void request.pipe(response);
  await vi.waitFor(async () => expect(await invoke("growing", "again")).toBe("again"), patiently);
  expect(server.engine.running.map(({ id }) => id)).not.toContain(first.id);
  expect((await describe("growing")).EndpointStatus).toBe("InService");
});

test.for<[string, () => Buffer, RegExp]>([
  [
    "climbs out",
    () => tarGzOf([{ path: "../../evil", content: "x" }]),
    /"\.\.\/\.\.\/evil" points out of the archive/u,
  ],
  [
    "holds a link",
    () => tarGzOf([{ path: "model", flag: "2", linkTo: "/etc/passwd" }]),
    /it holds a link \("model"\)/u,
  ],
  ["has an absolute path", () => tarGzOf([{ path: "/etc/evil", content: "x" }]), /"\/etc\/evil" is an absolute path/u],
  ["is cut short", () => modelArchive().subarray(0, 60), /truncated/u],
])("a model archive that %s fails the endpoint with the reason", async ([, archive, reason]) => {
  server = await startServingServer();
  await deployConfig("hostile", { archive: archive() });
  await create("hostile", "hostile");
  await vi.waitFor(async () => expect((await describe("hostile")).EndpointStatus).toBe("Failed"), patiently);
  expect((await describe("hostile")).FailureReason).toMatch(reason);
  expect((await describe("hostile")).FailureReason).toContain('URL "s3://models/hostile.tar.gz"');
  expect(server.engine.started).toEqual([]);
});

test("an endpoint may be deleted while it comes up", async () => {
  server = await startServingServer();
  await deployConfig("hasty", { instances: 3 });
  await create("hasty", "hasty");
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "hasty" }));
  await gone("hasty");
  expect(server.engine.runs.size).toBe(0);
});

test("an instance that the engine refuses fails the endpoint with the engine's reason", async () => {
  server = await startServingServer();
  server.engine.onStart = () => {
    throw new RunRefused("There is no network for model");
  };
  await deployConfig("refused");
  await create("refused", "refused");
  await vi.waitFor(async () => expect((await describe("refused")).EndpointStatus).toBe("Failed"), patiently);
  expect((await describe("refused")).FailureReason).toBe("There is no network for model");
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "refused" }));
  await gone("refused");
});

test("an instance has its model's role while its endpoint is there, also after a restart", async () => {
  server = await startServingServer();
  await deploy("role");
  const [run] = server.engine.running as [FakeRun];
  const roleOf = (id: string) => endpointController(server.serving).roleOf(id);
  expect(await roleOf(run.id)).toEqual({ arn: role });
  expect(await roleOf("e-000000000000-1")).toBeUndefined();
  server = await server.restart();
  await vi.waitFor(async () => expect(await roleOf(run.id)).toEqual({ arn: role }), patiently);
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "role" }));
  await gone("role");
  expect(await roleOf(run.id)).toBeUndefined();
});

test("a server that comes back finds its instances and serves without starting any", async () => {
  server = await startServingServer();
  await deploy("durable", { instances: 2 });
  const before = server.engine.running.map(({ id }) => id);
  server = await server.restart();
  expect(await invoke("durable", "x")).toBe("x");
  expect(await describe("durable")).toMatchObject({ EndpointStatus: "InService" });
  expect(server.engine.running.map(({ id }) => id)).toEqual(before);
});

test("after a reboot endpoints start their instances again", async () => {
  server = await startServingServer();
  await deploy("rebooted", { instances: 2 });
  server.engine.reboot();
  server = await server.restart();
  await vi.waitFor(async () => expect(await invoke("rebooted", "x")).toBe("x"), patiently);
  await vi.waitFor(() => expect(server.engine.running).toHaveLength(2), patiently);
  expect((await describe("rebooted")).EndpointStatus).toBe("InService");
});

interface Shape {
  key?: string;
  greeting?: string;
  instances?: number;
  model?: string;
  archive?: Buffer;
}

/** Model, configuration and endpoint of one name, waited for. */
async function deploy(name: string, shape: Shape = {}): Promise<void> {
  await deployConfig(name, shape);
  await create(name, name);
  await inService(name);
}

async function deployConfig(
  name: string,
  { greeting = "hello", archive = modelArchive(), instances, key }: Shape = {},
): Promise<void> {
  const ModelDataUrl = await server.upload(`${name}.tar.gz`, archive);
  const PrimaryContainer = { Image: "linear-learner", ModelDataUrl, Environment: { GREETING: greeting } };
  await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn: role, PrimaryContainer }));
  await configure(name, {
    model: name,
    ...(instances !== undefined && { instances }),
    ...(key !== undefined && { key }),
  });
}

async function configure(name: string, { model, instances = 1, key }: Shape): Promise<void> {
  const variant = {
    VariantName: "AllTraffic",
    ModelName: model,
    InstanceType: "ml.m5.large" as const,
    InitialInstanceCount: instances,
  };
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({
      EndpointConfigName: name,
      ProductionVariants: [variant],
      ...(key !== undefined && { KmsKeyId: key }),
    }),
  );
}

async function create(EndpointName: string, EndpointConfigName: string): Promise<void> {
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName }));
}

async function describe(EndpointName: string) {
  return await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
}

async function inService(name: string): Promise<void> {
  await vi.waitFor(async () => expect(await describe(name)).toMatchObject({ EndpointStatus: "InService" }), patiently);
}

async function gone(name: string): Promise<void> {
  await vi.waitFor(async () => await expect(describe(name)).rejects.toThrow("Could not find endpoint"), patiently);
}

async function invoke(EndpointName: string, body: string): Promise<string> {
  const answer = await server.runtime.send(
    new InvokeEndpointCommand({ EndpointName, ContentType: "text/csv", Body: Buffer.from(body) }),
  );
  return Buffer.from(answer.Body).toString();
}
