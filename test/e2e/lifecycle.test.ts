import { rmSync } from "node:fs";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  DescribeEndpointCommand,
  DescribeTrainingJobCommand,
  SageMakerClient,
  StopTrainingJobCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
  waitUntilEndpointInService,
  waitUntilTrainingJobCompletedOrStopped,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type RunningServer, sagebrush, startServer } from "../conformance/server.ts";

/** What outlives what: the server's crash, its stop, and (as `down --all` leaves it) the machine's restart. */
const image = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1";
const role = "arn:aws:iam::000000000000:role/SagebrushExecutionRole";
const waiting = { minDelay: 0.05, maxDelay: 0.2, maxWaitTime: 60 };

let server: RunningServer;
let dataDirectory: string;
let sagemaker: SageMakerClient;
let runtime: SageMakerRuntimeClient;

beforeAll(async () => {
  server = await startServer();
  dataDirectory = server.dataDirectory;
  connect();
  const s3 = new S3Client({ ...client(), forcePathStyle: true });
  const rows = Array.from({ length: 600 }, (_, row) => `${row % 2},${row % 7},${(row * 31) % 11}\n`).join("");
  await s3.send(new CreateBucketCommand({ Bucket: "lifecycle" }));
  await s3.send(new PutObjectCommand({ Bucket: "lifecycle", Key: "train.csv", Body: rows }));
  await train("quick", { predictor_type: "binary_classifier", epochs: "2" });
  await waitUntilTrainingJobCompletedOrStopped({ client: sagemaker, ...waiting }, { TrainingJobName: "quick" });
  await deploy("quick");
  await train(
    "endless",
    { predictor_type: "binary_classifier", epochs: "100000000", early_stopping_patience: "200000000" },
    { isSpot: true },
  );
  await vi.waitFor(async () => expect(await secondaryStatus("endless")).toBe("Training"), { timeout: 20_000 });
});

afterAll(async () => {
  await server.stop();
  rmSync(dataDirectory, { recursive: true, force: true });
});

test("a killed server leaves jobs and endpoints at work, and the next one finds them", async () => {
  const before = await trainingStart("endless");
  process.kill(server.pid, "SIGKILL");
  await restart();
  expect(await predict()).toBe(3);
  expect(await secondaryStatus("endless")).toBe("Training");
  expect(await trainingStart("endless")).toEqual(before);
});

test("a stopped server does the same", async () => {
  const before = await trainingStart("endless");
  sagebrush(dataDirectory, "down");
  await restart();
  expect(await predict()).toBe(3);
  expect(await trainingStart("endless")).toEqual(before);
});

test("after everything ended, endpoints come back and jobs start again and say so", async () => {
  sagebrush(dataDirectory, "down", "--all");
  await restart();
  await expect.poll(() => predict().catch(() => 0), { timeout: 30_000 }).toBe(3);
  await expect
    .poll(async () => (await describeJob("endless")).SecondaryStatusTransitions?.some(startsAgain), { timeout: 20_000 })
    .toBe(true);
  await expect.poll(() => secondaryStatus("endless"), { timeout: 20_000 }).toBe("Training");
});

test("`status` names what is in hand, and `logs` prints a job's lines", async () => {
  expect(sagebrush(dataDirectory, "status")).toMatch(/endless[\s\S]*quick {2}InService/);
  expect(sagebrush(dataDirectory, "logs", "quick", "-f")).toContain("#quality_metric");
});

test("`stop` ends an endpoint's instances until `start`, over restarts, and with as many as it had", async () => {
  await sagemaker.send(
    new UpdateEndpointWeightsAndCapacitiesCommand({
      EndpointName: "quick",
      DesiredWeightsAndCapacities: [{ VariantName: "AllTraffic", DesiredInstanceCount: 2 }],
    }),
  );
  await expect.poll(async () => (await instanceCounts()).current, { timeout: 20_000 }).toBe(2);
  await waitUntilEndpointInService({ client: sagemaker, ...waiting }, { EndpointName: "quick" });
  expect(sagebrush(dataDirectory, "stop", "quick")).toBe(
    "quick is stopped. Start it again with: sagebrush start quick\n",
  );
  expect(sagebrush(dataDirectory, "stop", "quick")).toBe("quick is stopped already.\n");
  expect(sagebrush(dataDirectory, "status")).toContain("quick  InService, without instances\n");
  await expect(predict()).rejects.toThrow(/has no capacity to process this request/);
  sagebrush(dataDirectory, "down", "--all");
  await restart();
  await expect(predict()).rejects.toThrow(/has no capacity to process this request/);
  expect(sagebrush(dataDirectory, "start", "quick")).toBe("quick is InService.\n");
  expect(await predict()).toBe(3);
  expect(await instanceCounts()).toEqual({ current: 2, desired: 2 });
  expect(sagebrush(dataDirectory, "start", "quick")).toBe("quick is running already.\n");
  expect(() => sagebrush(dataDirectory, "stop", "missing")).toThrow(/sagebrush stop: Could not find endpoint "arn:/);
});

test("a stop ends the job, wherever it was started", async () => {
  await sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: "endless" }));
  await waitUntilTrainingJobCompletedOrStopped({ client: sagemaker, ...waiting }, { TrainingJobName: "endless" });
  const { TrainingJobStatus, TrainingTimeInSeconds = 0, BillableTimeInSeconds } = await describeJob("endless");
  expect(TrainingJobStatus).toBe("Stopped");
  // A spot job: Describe, `status` and the log say the same of what it costs.
  expect(BillableTimeInSeconds).toBe(Math.max(1, Math.round(TrainingTimeInSeconds * 0.3)));
  const times = `trained ${TrainingTimeInSeconds} s, billed ${BillableTimeInSeconds} s`;
  expect(sagebrush(dataDirectory, "status")).toContain(`endless  Stopped  ${times}\n`);
  expect(sagebrush(dataDirectory, "logs", "endless").trimEnd()).toMatch(
    new RegExp(`TrainingTimeInSeconds ${TrainingTimeInSeconds}, BillableTimeInSeconds ${BillableTimeInSeconds}\\.$`),
  );
});

function connect(): void {
  sagemaker = new SageMakerClient(client());
  runtime = new SageMakerRuntimeClient(client());
}

function client() {
  return {
    endpoint: server.url,
    region: "us-east-1",
    credentials: {
      accessKeyId: server.environment["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: server.environment["AWS_SECRET_ACCESS_KEY"] ?? "",
    },
  };
}

async function restart(): Promise<void> {
  server = await startServer({ dataDirectory });
  connect();
}

async function train(name: string, hyperparameters: Record<string, string>, { isSpot = false } = {}): Promise<void> {
  await sagemaker.send(
    new CreateTrainingJobCommand({
      TrainingJobName: name,
      AlgorithmSpecification: { TrainingImage: image, TrainingInputMode: "File" },
      RoleArn: role,
      HyperParameters: hyperparameters,
      InputDataConfig: [
        {
          ChannelName: "train",
          ContentType: "text/csv",
          DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://lifecycle/train.csv" } },
        },
      ],
      OutputDataConfig: { S3OutputPath: "s3://lifecycle/models" },
      ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
      EnableManagedSpotTraining: isSpot,
      StoppingCondition: { MaxRuntimeInSeconds: 600, ...(isSpot && { MaxWaitTimeInSeconds: 600 }) },
    }),
  );
}

async function deploy(name: string): Promise<void> {
  const job = await describeJob(name);
  await sagemaker.send(
    new CreateModelCommand({
      ModelName: name,
      ExecutionRoleArn: role,
      PrimaryContainer: { Image: image, ModelDataUrl: job.ModelArtifacts?.S3ModelArtifacts },
    }),
  );
  await sagemaker.send(
    new CreateEndpointConfigCommand({
      EndpointConfigName: name,
      ProductionVariants: [
        { VariantName: "AllTraffic", ModelName: name, InstanceType: "ml.m5.large", InitialInstanceCount: 1 },
      ],
    }),
  );
  await sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  await waitUntilEndpointInService({ client: sagemaker, ...waiting }, { EndpointName: name });
}

/** @returns How many predictions came back for three rows. */
async function predict(): Promise<number> {
  const answer = await runtime.send(
    new InvokeEndpointCommand({ EndpointName: "quick", ContentType: "text/csv", Body: "1,2\n3,4\n5,6\n" }),
  );
  return (JSON.parse(new TextDecoder().decode(answer.Body)) as { predictions: unknown[] }).predictions.length;
}

async function instanceCounts() {
  const { ProductionVariants } = await sagemaker.send(new DescribeEndpointCommand({ EndpointName: "quick" }));
  const [{ CurrentInstanceCount: current, DesiredInstanceCount: desired } = {}] = ProductionVariants ?? [];
  return { current, desired };
}

function describeJob(name: string) {
  return sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
}

async function secondaryStatus(name: string): Promise<string | undefined> {
  return (await describeJob(name)).SecondaryStatus;
}

async function trainingStart(name: string): Promise<Date | undefined> {
  const job = await describeJob(name);
  return job.SecondaryStatusTransitions?.findLast((transition) => transition.Status === "Training")?.StartTime;
}

function startsAgain(transition: { StatusMessage?: string | undefined }): boolean {
  return /start\w* again/i.test(transition.StatusMessage ?? "");
}
