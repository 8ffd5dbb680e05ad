import {
  type AlgorithmStatus,
  CreateAlgorithmCommand,
  CreateTrainingJobCommand,
  DeleteAlgorithmCommand,
  DescribeAlgorithmCommand,
  DescribeTrainingJobCommand,
  ListAlgorithmsCommand,
  ListTrainingJobsCommand,
  StopTrainingJobCommand,
  type TrainingJobDefinition,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type JobServer, roleArn, startJobServerOn, trainingJob } from "../training-job/testkit/job-server.ts";
import { readyImages } from "../training-job/testkit/ready-images.ts";
import { ScriptedEngine } from "../training-job/testkit/scripted-engine.ts";
import type { AlgorithmValue } from "./algorithm-record.ts";
import { algorithmController } from "./reconcile.ts";

const patiently = { timeout: 20_000, interval: 20 };

let jobs: JobServer;
beforeAll(async () => {
  jobs = await startJobServerOn(async () => new ScriptedEngine(), readyImages());
});
afterAll(() => jobs.close());
beforeEach(() => {
  jobs.engine.algorithm = (run, engine) => engine.exit(run.id, 0);
});

/** Creates an algorithm with one profile, whose job differs from an ordinary one by `changes`. */
async function create(AlgorithmName: string, changes: Partial<TrainingJobDefinition> = {}, profile: object = {}) {
  const { InputDataConfig, OutputDataConfig, ResourceConfig, StoppingCondition } = trainingJob();
  const definition = { InputDataConfig, OutputDataConfig, ResourceConfig, StoppingCondition };
  const TrainingJobDefinition = { TrainingInputMode: "File", ...definition, ...changes } as TrainingJobDefinition;
  const ValidationProfiles = [{ ProfileName: "small", TrainingJobDefinition, ...profile }];
  await jobs.sagemaker.send(
    new CreateAlgorithmCommand({
      AlgorithmName,
      TrainingSpecification: {
        TrainingImage: "registry.example/forest:1",
        SupportedTrainingInstanceTypes: ["ml.m5.large"],
        SupportedHyperParameters: [{ Name: "trees", Type: "Integer", DefaultValue: "7" }],
        TrainingChannels: [{ Name: "train", SupportedInputModes: ["File"], SupportedContentTypes: ["text/csv"] }],
      },
      ValidationSpecification: { ValidationRole: roleArn, ValidationProfiles },
    }),
  );
}

const describe = (AlgorithmName: string) => jobs.sagemaker.send(new DescribeAlgorithmCommand({ AlgorithmName }));

async function until(name: string, ...statuses: AlgorithmStatus[]) {
  await expect
    .poll(async () => statuses.includes((await describe(name)).AlgorithmStatus as AlgorithmStatus), patiently)
    .toBe(true);
  const { AlgorithmStatus, AlgorithmStatusDetails: details } = await describe(name);
  return { status: AlgorithmStatus, ...details?.ValidationStatuses?.[0] };
}

async function jobsOf(name: string): Promise<string[]> {
  const NameContains = `${name}-validation-`;
  const { TrainingJobSummaries } = await jobs.sagemaker.send(new ListTrainingJobsCommand({ NameContains }));
  return (TrainingJobSummaries ?? []).map(({ TrainingJobName }) => TrainingJobName as string);
}

test("an algorithm is Completed once the job of its profile is", async () => {
  jobs.engine.algorithm = () => undefined;
  await create("Proven");
  expect(await until("Proven", "InProgress")).toEqual({ status: "InProgress", Name: "small", Status: "InProgress" });
  const listed = await jobs.sagemaker.send(new ListAlgorithmsCommand({ NameContains: "Proven" }));
  expect(listed.AlgorithmSummaryList).toMatchObject([{ AlgorithmStatus: "InProgress" }]);
  const [job] = await jobsOf("Proven");
  const described = await jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: job }));
  expect(described).toMatchObject({
    RoleArn: roleArn,
    HyperParameters: { trees: "7" },
    AlgorithmSpecification: { AlgorithmName: "Proven", TrainingInputMode: "File" },
  });
  await jobs.until(job as string, "InProgress");
  await expect.poll(() => [...jobs.engine.runs.keys()].length, patiently).toBeGreaterThan(0);
  for (const id of jobs.engine.runs.keys()) jobs.engine.exit(id, 0);
  expect(await until("Proven", "Completed", "Failed")).toEqual({
    status: "Completed",
    Name: "small",
    Status: "Completed",
  });
  await jobs.sagemaker.send(new DeleteAlgorithmCommand({ AlgorithmName: "Proven" }));
});

test("an algorithm whose job fails is Failed, says why, and cannot be used", async () => {
  jobs.engine.algorithm = (run, engine) => engine.exit(run.id, 3);
  await create("Broken");
  expect(await until("Broken", "Completed", "Failed")).toMatchObject({
    status: "Failed",
    Status: "Failed",
    FailureReason: expect.stringMatching(/^The training job Broken-validation-[0-9a-f]{12} failed: AlgorithmError/),
  });
  const request = trainingJob({ AlgorithmSpecification: { AlgorithmName: "Broken", TrainingInputMode: "File" } });
  await expect(jobs.sagemaker.send(new CreateTrainingJobCommand(request))).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringContaining("algorithm/broken cannot be used: its status is Failed"),
  });
});

test.for<[string, Partial<TrainingJobDefinition>, string]>([
  ["hyperparameters that it does not have", { HyperParameters: { leaves: "1" } }, "has no hyperparameter leaves"],
  [
    "input that is not there",
    {
      InputDataConfig: [
        {
          ChannelName: "train",
          ContentType: "text/csv",
          DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/none/" } },
        },
      ],
    },
    "s3://data/none/",
  ],
])("a profile with %s fails the algorithm, and starts nothing", async ([what, changes, message]) => {
  const name = `No-${what.split(" ")[0]}`;
  await create(name, changes);
  const seen = await until(name, "Completed", "Failed");
  expect(seen).toMatchObject({ status: "Failed", FailureReason: expect.stringContaining(message) });
  expect(await jobsOf(name)).toEqual([]);
});

test("while it is validated an algorithm is neither used nor deleted; stopping its job ends that", async () => {
  jobs.engine.algorithm = () => undefined;
  await create("Busy");
  await until("Busy", "InProgress");
  const [job] = await jobsOf("Busy");
  await expect(jobs.sagemaker.send(new DeleteAlgorithmCommand({ AlgorithmName: "Busy" }))).rejects.toMatchObject({
    name: "ConflictException",
    message: expect.stringContaining(`Stopping the training job ${job} ends its validation.`),
  });
  const request = trainingJob({ AlgorithmSpecification: { AlgorithmName: "Busy", TrainingInputMode: "File" } });
  await expect(jobs.sagemaker.send(new CreateTrainingJobCommand(request))).rejects.toThrow("its status is InProgress");
  await jobs.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: job }));
  for (const id of jobs.engine.runs.keys()) jobs.engine.exit(id, 143);
  expect(await until("Busy", "Completed", "Failed")).toMatchObject({
    status: "Failed",
    FailureReason: `The training job ${job} was stopped.`,
  });
  await jobs.sagemaker.send(new DeleteAlgorithmCommand({ AlgorithmName: "Busy" }));
});

test("a server that dies between the job and the record finds the job again", async () => {
  await create("Twice");
  await until("Twice", "Completed");
  const { store } = jobs.server.platform;
  const key = { account: "111122223333", region: "us-west-2", kind: "algorithm", name: "Twice" };
  const record = await store.get<AlgorithmValue>(key);
  if (record === undefined) throw new Error("the algorithm is there");
  const before = {
    ...record,
    status: "Pending",
    value: { ...record.value, validations: [{ profile: "small", status: "NotStarted" as const }] },
  };
  await algorithmController(jobs.server.platform).reconcile(before);
  expect(await until("Twice", "Completed", "Failed")).toMatchObject({ status: "Completed" });
  expect(await jobsOf("Twice")).toHaveLength(1);
});

test("a profile with a transform job is refused, since nothing would run it", async () => {
  const TransformJobDefinition = {
    TransformInput: { DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/train/" } } },
    TransformOutput: { S3OutputPath: "s3://data/out" },
    TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1 },
  };
  await expect(create("Whole", {}, { TransformJobDefinition })).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringContaining("the profile small has a TransformJobDefinition"),
  });
});
