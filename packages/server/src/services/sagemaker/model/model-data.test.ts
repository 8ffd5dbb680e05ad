import { readFileSync } from "node:fs";
import {
  type ContainerDefinition,
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DescribeEndpointCommand,
  DescribeModelCommand,
  type S3ModelDataSource,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ServingServer, startServingServer } from "../../../serving/testkit/serving-server.ts";
import { tarGzOf } from "../../../serving/testkit/tar-builder.ts";

let server: ServingServer;
beforeAll(async () => {
  server = await startServingServer();
});
afterAll(() => server.close());

const patiently = { timeout: 10_000, interval: 5 };
const role = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
const prefix = { S3DataType: "S3Prefix", CompressionType: "None" } as const;
const object = { S3DataType: "S3Object", CompressionType: "None" } as const;
const archive = { S3DataType: "S3Object", CompressionType: "Gzip" } as const;

/** What of a model's folders a container sees: contents by path. */
type Folders = Record<string, Record<string, string>>;

test.for<[string, () => Promise<Partial<ContainerDefinition>>, Folders]>([
  [
    "objects below a prefix",
    async () => {
      await upload({ "tree/config.json": "{}", "tree/weights/1.bin": "one", "tree2/other": "" });
      return { ModelDataSource: { S3DataSource: { ...prefix, S3Uri: "s3://models/tree/" } } };
    },
    { "/opt/ml/model": { "config.json": "{}", "weights/1.bin": "one" } },
  ],
  [
    "one object",
    async () => {
      await upload({ "some/where/model.onnx": "onnx" });
      return { ModelDataSource: { S3DataSource: { ...object, S3Uri: "s3://models/some/where/model.onnx" } } };
    },
    { "/opt/ml/model": { "model.onnx": "onnx" } },
  ],
  [
    "an archive",
    async () => {
      await server.upload("model.tar.gz", tarGzOf([{ path: "a/b.txt", content: "packed" }]));
      return { ModelDataSource: { S3DataSource: { ...archive, S3Uri: "s3://models/model.tar.gz" } } };
    },
    { "/opt/ml/model": { "a/b.txt": "packed" } },
  ],
  [
    "what a manifest names",
    async () => {
      await upload({ "named/a": "a", "named/b,1": "b", "named/c": "c" });
      await upload({ "manifest.csv": 'a,1\r\n"b,1"\ns3://models/named/c\n' });
      await upload({ "named/d": "not named" });
      const manifest = { ManifestS3Uri: "s3://models/manifest.csv" };
      return { ModelDataSource: { S3DataSource: { ...prefix, ...manifest, S3Uri: "s3://models/named/" } } };
    },
    { "/opt/ml/model": { a: "a", "b,1": "b", c: "c" } },
  ],
  [
    "folders besides the model",
    async () => {
      await server.upload("base.tar.gz", tarGzOf([{ path: "base.txt", content: "base" }]));
      await upload({ "draft/draft.bin": "draft" });
      const AdditionalModelDataSources = [
        { ChannelName: "base", S3DataSource: { ...archive, S3Uri: "s3://models/base.tar.gz" } },
        { ChannelName: "draft_model", S3DataSource: { ...prefix, S3Uri: "s3://models/draft/" } },
      ];
      return { ModelDataUrl: "s3://models/base.tar.gz", AdditionalModelDataSources };
    },
    {
      "/opt/ml/model": { "base.txt": "base" },
      "/opt/ml/additional-model-data-sources/base": { "base.txt": "base" },
      "/opt/ml/additional-model-data-sources/draft_model": { "draft.bin": "draft" },
    },
  ],
])("a model of %s is served, and described as it was given", async ([what, make, folders]) => {
  const name = what.replaceAll(" ", "-");
  const container = { Image: "linear-learner", ...(await make()) };
  await server.sagemaker.send(
    new CreateModelCommand({ ModelName: name, ExecutionRoleArn: role, PrimaryContainer: container }),
  );
  const described = await server.sagemaker.send(new DescribeModelCommand({ ModelName: name }));
  expect(described.PrimaryContainer).toEqual(container);
  await start(name);
  await vi.waitFor(async () => expect(await statusOf(name)).toMatchObject({ EndpointStatus: "InService" }), patiently);
  const run = server.engine.running.at(-1);
  const seen = (run?.spec.channels ?? []).map(({ target, files, readOnly }) => {
    expect(readOnly).toBe(true);
    return [target, Object.fromEntries(files.map(({ path, source }) => [path, readFileSync(source, "utf8")]))];
  });
  expect(Object.fromEntries(seen)).toEqual(folders);
});

test.for<[Record<string, string>, RegExp]>([
  [{ "": "" }, /its name is empty below the prefix/u],
  [{ "folder/": "" }, /"folder\/", which cannot be a file: its name ends with a slash/u],
  [{ "a/../../b": "" }, /its name holds "\.\."/u],
  [{ "a//b": "" }, /a part of its name is empty/u],
  [{ [`${"é".repeat(128)}`]: "" }, /more than 255 bytes/u],
  [{ a: "", "a/b": "" }, /has "a" both as a file and as a folder/u],
])("objects %j that cannot be files fail the endpoint, with the reason", async ([objects, reason]) => {
  const name = `odd-${Math.random().toString(36).slice(2)}`;
  await upload(Object.fromEntries(Object.entries(objects).map(([path, text]) => [`${name}/${path}`, text])));
  const S3DataSource = { ...prefix, S3Uri: `s3://models/${name}/` };
  await server.sagemaker.send(model(name, { ModelDataSource: { S3DataSource } }));
  await start(name);
  await vi.waitFor(async () => {
    const { EndpointStatus, FailureReason } = await statusOf(name);
    expect({ EndpointStatus, FailureReason }).toEqual({
      EndpointStatus: "Failed",
      FailureReason: expect.stringMatching(reason),
    });
  }, patiently);
});

const source = (changes: Partial<S3ModelDataSource> & { S3Uri?: string }): Partial<ContainerDefinition> => ({
  ModelDataSource: { S3DataSource: { ...object, S3Uri: "s3://models/there/x", ...changes } },
});

test.for<[string, Partial<ContainerDefinition>, RegExp]>([
  ["both addresses", { ...source({}), ModelDataUrl: "s3://models/there/x" }, /both ModelDataUrl and ModelDataSource/u],
  [
    "a missing object",
    source({ S3Uri: "s3://models/there/y" }),
    /Could not find model data at s3:\/\/models\/there\/y/u,
  ],
  ["an empty prefix", source({ ...prefix, S3Uri: "s3://models/none/" }), /Could not find model data at/u],
  ["no slash", source({ ...prefix, S3Uri: "s3://models/there" }), /must end with a slash/u],
  ["a bucket as an object", source({ S3Uri: "s3://models" }), /must name an object/u],
  ["a packed prefix", source({ ...prefix, CompressionType: "Gzip" }), /Gzip needs S3DataType S3Object/u],
  [
    "a hub",
    source({ HubAccessConfig: { HubContentArn: hubArn() } }),
    /HubAccessConfig is not supported: there is no hub/u,
  ],
  ["another version", source({ ETag: "0123" }), /not "0123": it is another version/u],
  ["a manifest of one object", source({ ManifestS3Uri: "s3://models/manifest.csv" }), /S3DataType S3Prefix only/u],
  [
    "a channel twice",
    {
      AdditionalModelDataSources: ["a", "a"].map((ChannelName) => ({
        ...{ ChannelName, S3DataSource: { ...object, S3Uri: "s3://models/there/x" } },
      })),
    },
    /ChannelName "a" is given twice/u,
  ],
])("a model with %s is refused", async ([, container, message]) => {
  await upload({ "there/x": "x" });
  await expect(server.sagemaker.send(model("refused", container))).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringMatching(message),
  });
});

function hubArn(): string {
  return "arn:aws:sagemaker:eu-west-1:123456789012:hub-content/hub/Model/llama/1.0.0";
}

function model(ModelName: string, container: Partial<ContainerDefinition>): CreateModelCommand {
  const PrimaryContainer = { Image: "linear-learner", ...container };
  return new CreateModelCommand({ ModelName, ExecutionRoleArn: role, PrimaryContainer });
}

async function upload(objects: Record<string, string>): Promise<void> {
  for (const [key, content] of Object.entries(objects)) await server.upload(key, Buffer.from(content));
}

async function start(name: string): Promise<void> {
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

function statusOf(EndpointName: string) {
  return server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
}
