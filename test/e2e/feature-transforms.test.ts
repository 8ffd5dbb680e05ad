import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
  SageMakerClient,
  waitUntilEndpointInService,
  waitUntilTrainingJobCompletedOrStopped,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningServer, root, startServer } from "../conformance/server.ts";

type Bird = Readonly<Record<string, string | number | null>>;

const birds = JSON.parse(readFileSync(join(root, "node_modules/vega-datasets/data/penguins.json"), "utf8")) as Bird[];
const columns = ["Island", "Beak Length (mm)", "Beak Depth (mm)", "Flipper Length (mm)", "Body Mass (g)", "Sex"];
const csvOf = (bird: Bird, names: readonly string[]) => names.map((name) => bird[name] ?? "").join(",");
const imageOf = (name: string) => `382416733822.dkr.ecr.us-east-1.amazonaws.com/${name}:1`;
const role = "arn:aws:iam::000000000000:role/SagebrushExecutionRole";
const waiting = { minDelay: 0.05, maxDelay: 0.2, maxWaitTime: 60 };

/** Gaps filled, numbers scaled, places and sexes in columns of their own: fitted on the birds of training. */
const pipeline = {
  kind: "column-transformer",
  parts: [
    {
      columns: { type: "numeric" },
      transform: {
        kind: "pipeline",
        steps: [{ kind: "impute", strategy: "median" }, { kind: "power" }],
      },
    },
    { columns: { type: "text" }, transform: { kind: "one-hot-encoder" } },
  ],
};

let server: RunningServer;
let s3: S3Client;
let sagemaker: SageMakerClient;
let runtime: SageMakerRuntimeClient;

beforeAll(async () => {
  server = await startServer();
  const { environment } = server;
  const client = {
    endpoint: server.url,
    region: "us-east-1",
    credentials: {
      accessKeyId: environment["AWS_ACCESS_KEY_ID"] as string,
      secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] as string,
    },
  };
  s3 = new S3Client({ ...client, forcePathStyle: true });
  sagemaker = new SageMakerClient(client);
  runtime = new SageMakerRuntimeClient(client);
  await s3.send(new CreateBucketCommand({ Bucket: "birds" }));
});
afterAll(() => server.stop());

test("raw rows become features in the first container, and a prediction in the second", async () => {
  const names = [...columns, "Species"];
  const rows = [names.join(","), ...birds.map((bird) => csvOf(bird, names))];
  await put("raw/birds.csv", `${rows.join("\n")}\n`);
  await train("features", "raw", { pipeline: JSON.stringify(pipeline), target: "Species" });
  const training = fileOf(await get("out/features/output/output.tar.gz"), "train.csv");
  expect(training.trimEnd().split("\n")).toHaveLength(birds.length);

  await put("features/train.csv", training);
  await train("linear-learner", "features", {
    ...{ predictor_type: "multiclass_classifier", num_classes: "3", mini_batch_size: "32", epochs: "40" },
  });
  const containers = ["features", "linear-learner"].map((job) => ({
    Image: imageOf(job === "features" ? "feature-transforms" : job),
    ModelDataUrl: `s3://birds/out/${job}/output/model.tar.gz`,
  }));
  await sagemaker.send(new CreateModelCommand({ ModelName: "birds", ExecutionRoleArn: role, Containers: containers }));
  const variant = {
    VariantName: "All",
    ModelName: "birds",
    InstanceType: "ml.m5.large",
    InitialInstanceCount: 1,
  } as const;
  await sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName: "birds", ProductionVariants: [variant] }));
  await sagemaker.send(new CreateEndpointCommand({ EndpointName: "birds", EndpointConfigName: "birds" }));
  await waitUntilEndpointInService({ client: sagemaker, ...waiting }, { EndpointName: "birds" });

  const all = await predict("text/csv", birds.map((bird) => csvOf(bird, columns)).join("\n"));
  const species = ["Adelie", "Chinstrap", "Gentoo"];
  const right = birds.filter(({ Species }, i) => species[all[i] as number] === Species).length;
  expect(right / birds.length).toBeGreaterThan(0.98);
  // Alone, by names, and without what is missing, a bird is what it is among others.
  const lines = birds.slice(0, 5).map((bird) => {
    const known = Object.entries(bird).filter(([name, value]) => name !== "Species" && value !== null);
    return JSON.stringify(Object.fromEntries(known));
  });
  expect(await predict("application/jsonlines", lines.join("\n"))).toEqual(all.slice(0, 5));
  expect(await predict("text/csv", csvOf(birds[7] as Bird, columns))).toEqual([all[7]]);

  const wrong = predict("text/csv", "Torgersen,long,18.7,181,3750,MALE");
  await expect(wrong).rejects.toMatchObject({
    name: "ModelError",
    OriginalStatusCode: 400,
    OriginalMessage: "Column 'Beak Length (mm)' of row 1 is no number: 'long'.",
  });
});

test("a transform that cannot be fitted fails its job and says why", async () => {
  await put("few/a.csv", "a,b\n1,x\n");
  await create("failing", "feature-transforms", "few", { pipeline: '{"kind":"standard-scaler","columns":["b"]}' });
  await waitUntilTrainingJobCompletedOrStopped({ client: sagemaker, ...waiting }, { TrainingJobName: "failing" }).catch(
    () => undefined, // the waiter throws for a job that failed
  );
  const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: "failing" }));
  expect(job).toMatchObject({
    TrainingJobStatus: "Failed",
    FailureReason: expect.stringContaining("'standard-scaler' takes columns of type numeric; 'b' is of type text"),
  });
});

async function put(Key: string, Body: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: "birds", Key, Body }));
}

async function get(Key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: "birds", Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** A file of an archive whose names and sizes are short. */
function fileOf(archive: Buffer, name: string): string {
  const tar = gunzipSync(archive);
  for (let at = 0; at + 512 <= tar.length; ) {
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 136), 8) || 0;
    const found = tar.toString("latin1", at, at + 100).replace(/\0.*$/s, "");
    if (found.endsWith(name)) return tar.toString("utf8", at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`the archive has no ${name}`);
}

async function create(
  name: string,
  image: string,
  folder: string,
  HyperParameters: Record<string, string>,
): Promise<void> {
  await sagemaker.send(
    new CreateTrainingJobCommand({
      ...{ TrainingJobName: name, RoleArn: role, HyperParameters },
      AlgorithmSpecification: { TrainingImage: imageOf(image), TrainingInputMode: "File" },
      InputDataConfig: [
        {
          ChannelName: "train",
          ContentType: "text/csv",
          DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: `s3://birds/${folder}/` } },
        },
      ],
      OutputDataConfig: { S3OutputPath: "s3://birds/out" },
      ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
      StoppingCondition: { MaxRuntimeInSeconds: 600 },
    }),
  );
}

async function train(name: string, folder: string, hyperparameters: Record<string, string>): Promise<void> {
  await create(name, name === "features" ? "feature-transforms" : name, folder, hyperparameters);
  await waitUntilTrainingJobCompletedOrStopped({ client: sagemaker, ...waiting }, { TrainingJobName: name });
}

async function predict(ContentType: string, body: string): Promise<number[]> {
  const input = { EndpointName: "birds", ContentType, Accept: "application/json", Body: Buffer.from(body) };
  const answer = await runtime.send(new InvokeEndpointCommand(input));
  const { predictions } = JSON.parse(Buffer.from(answer.Body).toString()) as {
    readonly predictions: readonly { readonly predicted_label: number }[];
  };
  return predictions.map(({ predicted_label: label }) => label);
}
