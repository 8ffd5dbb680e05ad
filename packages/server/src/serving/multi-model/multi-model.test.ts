import { existsSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTransformJobCommand,
  DescribeEndpointCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, type SageMakerRuntimeServiceException } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FakeRun } from "../testkit/fake-engine.ts";
import { type ServingServer, startServingServer } from "../testkit/serving-server.ts";
import { tarGzOf } from "../testkit/tar-builder.ts";

let server: ServingServer;
let containers: Map<string, FakeContainer>;
beforeEach(async () => {
  server = await startServingServer();
  containers = new Map();
  serveModels();
});
afterEach(() => server.close());

const patiently = { timeout: 10_000, interval: 5 };
const role = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";

/** A container with the API of multi-model containers: its models are texts, and it answers with them. */
class FakeContainer {
  readonly models = new Map<string, { url: string; content: string }>();
  readonly calls: string[] = [];
  /** Models that it has memory for. */
  capacity = Number.POSITIVE_INFINITY;
  readonly #run: FakeRun;

  constructor(run: FakeRun) {
    this.#run = run;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    const body = await text(request);
    this.calls.push(`${method} ${url.replace(/[0-9a-f]{32}/u, "NAME")}`);
    const answer = (status: number, content: object | string) =>
      response.writeHead(status).end(typeof content === "string" ? content : JSON.stringify(content));
    const [, name = "", isInvoke] = /^\/models\/([^/]+)(\/invoke)?$/u.exec(url) ?? [];
    if (method === "POST" && url === "/models") return void answer(...this.#load(JSON.parse(body)));
    if (method === "GET") {
      const from = Number(new URLSearchParams(url.split("?")[1]).get("next_page_token") ?? "0");
      const names = [...this.models.keys()];
      const models = names.slice(from, from + 2).map((modelName) => ({ modelName }));
      return void answer(200, { models, ...(from + 2 < names.length && { nextPageToken: String(from + 2) }) });
    }
    const model = this.models.get(name);
    if (model === undefined) return void answer(404, "no such model");
    if (isInvoke !== undefined) {
      const target = request.headers["x-amzn-sagemaker-target-model"];
      return void answer(200, `${model.content}:${body}:${target}`);
    }
    this.models.delete(name);
    answer(200, {});
  }

  #load({ model_name: name, url }: { model_name: string; url: string }): [number, object | string] {
    if (this.models.has(name)) return [409, "loaded"];
    if (this.models.size >= this.capacity) return [507, "no memory"];
    const mount = this.#run.spec.mounts?.find(({ target }) => target === "/opt/ml/models");
    const content = readFileSync(join(mount?.root ?? "", url.slice("/opt/ml/models".length), "model.txt"), "utf8");
    if (content === "bad") return [500, "this is no model"];
    this.models.set(name, { url, content });
    return [200, {}];
  }
}

function serveModels(): void {
  server.engine.behaviour = (request, response, run) => {
    let container = containers.get(run.id);
    if (container === undefined) containers.set(run.id, (container = new FakeContainer(run)));
    void container.serve(request, response);
  };
}

test("models come when they are asked for, stay, and are measured", async () => {
  await deploy("many");
  await put("a.tar.gz", "A");
  await put("sub/b.tar.gz", "B");
  expect(await invoke("many", "a.tar.gz")).toBe("A:1:a.tar.gz");
  expect(await invoke("many", "sub/b.tar.gz")).toBe("B:1:sub/b.tar.gz");
  expect(await invoke("many", "a.tar.gz")).toBe("A:1:a.tar.gz");
  expect(only().calls.filter((call) => call === "POST /models")).toHaveLength(2);
  expect(server.engine.running[0]?.spec.environment).toMatchObject({ SAGEMAKER_MULTI_MODEL: "true" });

  await server.publish();
  expect(await statistics("many", "ModelCacheHit")).toMatchObject({ Sum: 1, SampleCount: 3 });
  for (const name of ["ModelLoadingWaitTime", "ModelDownloadingTime", "ModelLoadingTime"]) {
    expect(await statistics("many", name)).toMatchObject({ SampleCount: 2, Unit: "Microseconds" });
  }
  expect(await statistics("many", "LoadedModelCount", "/aws/sagemaker/Endpoints")).toMatchObject({ Sum: 2 });
});

test("many requests for a cold model load it once", async () => {
  await deploy("cold");
  await put("a.tar.gz", "A");
  const answers = await Promise.all(Array.from({ length: 20 }, () => invoke("cold", "a.tar.gz")));
  expect(new Set(answers)).toEqual(new Set(["A:1:a.tar.gz"]));
  expect(only().calls.filter((call) => call === "POST /models")).toHaveLength(1);
});

test("the model that was not used for the longest time makes room, by the budget and by what the container says", async () => {
  // Room for two models of one byte.
  await deploy("budget", { Environment: { SAGEBRUSH_MODEL_CACHE_MB: String(2 / 1024 ** 2) } });
  for (const name of ["a", "b", "c"]) await put(`${name}.tar.gz`, name);
  for (const name of ["a", "b", "a", "c"]) expect(await invoke("budget", `${name}.tar.gz`)).toMatch(`${name}:1`);
  expect(loaded()).toEqual(["a", "c"]);
  only().capacity = 1;
  await put("d.tar.gz", "d");
  expect(await invoke("budget", "d.tar.gz")).toBe("d:1:d.tar.gz");
  expect(loaded()).toEqual(["d"]);
  await server.publish();
  expect((await statistics("budget", "ModelUnloadingTime"))?.SampleCount).toBeGreaterThan(1);
});

test("without a cache a model is unloaded and deleted as soon as it has answered", async () => {
  await deploy("forgetful", { MultiModelConfig: { ModelCacheSetting: "Disabled" } });
  await put("a.tar.gz", "A");
  for (let i = 0; i < 3; i++) expect(await invoke("forgetful", "a.tar.gz")).toBe("A:1:a.tar.gz");
  const answers = await Promise.all(Array.from({ length: 10 }, () => invoke("forgetful", "a.tar.gz")));
  expect(new Set(answers)).toEqual(new Set(["A:1:a.tar.gz"]));
  await vi.waitFor(() => expect(loaded()).toEqual([]), patiently);
});

test("a model that the container has lost is loaded again, and a restarted server knows what is loaded", async () => {
  await deploy("lost");
  for (const name of ["a", "b", "c"]) await put(`${name}.tar.gz`, name);
  for (const name of ["a", "b", "c"]) await invoke("lost", `${name}.tar.gz`);
  only().models.clear();
  for (const name of ["a", "b", "c"]) expect(await invoke("lost", `${name}.tar.gz`)).toMatch(`${name}:1`);
  const loads = only().calls.filter((call) => call === "POST /models").length;
  server = await server.restart();
  serveModels();
  for (const name of ["a", "b", "c"]) expect(await invoke("lost", `${name}.tar.gz`)).toMatch(`${name}:1`);
  expect(only().calls.filter((call) => call === "POST /models")).toHaveLength(loads);
});

test("an object that was replaced is another model once the old one has gone", async () => {
  await deploy("replaced", { MultiModelConfig: { ModelCacheSetting: "Disabled" } });
  await put("a.tar.gz", "old");
  expect(await invoke("replaced", "a.tar.gz")).toBe("old:1:a.tar.gz");
  await put("a.tar.gz", "new");
  expect(await invoke("replaced", "a.tar.gz")).toBe("new:1:a.tar.gz");
});

test.for<[string | undefined, RegExp]>([
  [undefined, /TargetModel must be given/u],
  ["../secret.tar.gz", /must not leave/u],
  ["a/../../secret.tar.gz", /must not leave/u],
  ["/etc/passwd", /must be relative/u],
  ["a/", /names a folder/u],
  ["none.tar.gz", /Failed to download model data from URL "s3:\/\/models\/many\/none\.tar\.gz"/u],
  ["truncated.tar.gz", /Failed to extract.*truncated/u],
  ["text.tar.gz", /Failed to extract.*not gzip-compressed/u],
  ["outside.tar.gz", /Failed to extract.*points out of the archive/u],
  ["absolute.tar.gz", /Failed to extract.*is an absolute path/u],
  ["link.tar.gz", /Failed to extract.*holds a link/u],
])("TargetModel %s is refused, and the endpoint goes on", async ([target, message]) => {
  await deploy("refusing");
  await put("good.tar.gz", "good");
  await server.upload(
    "many/truncated.tar.gz",
    tarGzOf([{ path: "model.txt", content: "x".repeat(9_999) }]).subarray(0, 40),
  );
  await server.upload("many/text.tar.gz", Buffer.from("hello"));
  await server.upload("many/outside.tar.gz", tarGzOf([{ path: "../model.txt", content: "x" }]));
  await server.upload("many/absolute.tar.gz", tarGzOf([{ path: "/tmp/model.txt", content: "x" }]));
  await server.upload("many/link.tar.gz", tarGzOf([{ path: "model.txt", flag: "2", linkTo: "/etc/passwd" }]));
  for (let i = 0; i < 2; i++) {
    const error = await failure("refusing", target);
    expect(error).toMatchObject({ name: "ValidationError", $metadata: { httpStatusCode: 400 } });
    expect(error.message).toMatch(message);
  }
  expect(await invoke("refusing", "good.tar.gz")).toBe("good:1:good.tar.gz");
  expect(existsSync("/tmp/model.txt")).toBe(false);
});

test("what the container says of a model that it cannot load is a ModelError", async () => {
  await deploy("unloadable");
  await put("bad.tar.gz", "bad");
  expect(await failure("unloadable", "bad.tar.gz")).toMatchObject({
    ...{ name: "ModelError", OriginalStatusCode: 500, OriginalMessage: "this is no model" },
  });
});

test("TargetModel is for multi-model endpoints, which transform jobs cannot use", async () => {
  await deploy("many");
  await server.sagemaker.send(
    new CreateModelCommand({ ModelName: "one", ExecutionRoleArn: role, PrimaryContainer: { Image: "linear-learner" } }),
  );
  await deployModel("one");
  expect((await failure("one", "a.tar.gz")).message).toMatch(/TargetModel is for multi-model endpoints/u);
  await put("in.csv", "1");
  const job = new CreateTransformJobCommand({
    ...{ TransformJobName: "job", ModelName: "many" },
    TransformInput: { DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://models/many/" } } },
    TransformOutput: { S3OutputPath: "s3://models/out" },
    TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1 },
  });
  await expect(server.sagemaker.send(job)).rejects.toMatchObject({
    message: expect.stringContaining("Mode MultiModel"),
  });
});

test.for<[object, RegExp]>([
  [{ Mode: "MultiModel" }, /needs a ModelDataUrl that is the prefix/u],
  [{ Mode: "MultiModel", ModelDataUrl: "s3://nowhere/models/" }, /Could not find model data at s3:\/\/nowhere/u],
  [{ MultiModelConfig: { ModelCacheSetting: "Enabled" } }, /for a container of Mode MultiModel only/u],
  [
    { Mode: "MultiModel", ModelDataUrl: "s3://models/", Environment: { SAGEBRUSH_MODEL_CACHE_MB: "much" } },
    /must be a number of megabytes/u,
  ],
])("a model with %j is refused", async ([container, message]) => {
  await put("a.tar.gz", "A");
  const PrimaryContainer = { Image: "linear-learner", ...container };
  const create = new CreateModelCommand({ ModelName: "refused", ExecutionRoleArn: role, PrimaryContainer });
  await expect(server.sagemaker.send(create)).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringMatching(message),
  });
});

async function put(name: string, content: string): Promise<void> {
  await server.upload(`many/${name}`, tarGzOf([{ path: "model.txt", content }]));
}

async function deploy(name: string, container: object = {}): Promise<void> {
  const ModelDataUrl = (await server.upload("many/here", Buffer.from(""))).replace(/here$/u, "");
  const PrimaryContainer = { Image: "linear-learner", Mode: "MultiModel", ModelDataUrl, ...container } as const;
  await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn: role, PrimaryContainer }));
  await deployModel(name);
}

async function deployModel(name: string): Promise<void> {
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
  await vi.waitFor(async () => {
    const { EndpointStatus } = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: name }));
    expect(EndpointStatus).toBe("InService");
  }, patiently);
}

function only(): FakeContainer {
  expect(containers.size).toBe(1);
  return [...containers.values()][0] as FakeContainer;
}

function loaded(): string[] {
  return [...only().models.values()].map(({ content }) => content).sort();
}

async function invoke(EndpointName: string, TargetModel: string | undefined): Promise<string> {
  const input = { EndpointName, TargetModel, Body: Buffer.from("1") };
  const answer = await server.runtime.send(new InvokeEndpointCommand(input));
  return Buffer.from(answer.Body).toString();
}

async function failure(endpoint: string, target: string | undefined): Promise<SageMakerRuntimeServiceException> {
  return await invoke(endpoint, target).then(
    (answer) => expect.fail(`it was answered: ${answer}`),
    (error: SageMakerRuntimeServiceException) => error,
  );
}

async function statistics(EndpointName: string, MetricName: string, Namespace = "AWS/SageMaker") {
  const { Datapoints } = await server.cloudwatch.send(
    new GetMetricStatisticsCommand({
      ...{ Namespace, MetricName, Period: 3_600, Statistics: ["Sum", "SampleCount"] },
      ...{ StartTime: new Date(Date.now() - 7_200_000), EndTime: new Date(Date.now() + 60_000) },
      Dimensions: [
        { Name: "EndpointName", Value: EndpointName },
        { Name: "VariantName", Value: "All" },
      ],
    }),
  );
  return Datapoints?.at(-1);
}
