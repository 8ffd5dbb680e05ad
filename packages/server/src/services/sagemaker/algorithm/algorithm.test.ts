import {
  CreateAlgorithmCommand,
  type CreateAlgorithmCommandInput,
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DeleteAlgorithmCommand,
  DescribeAlgorithmCommand,
  DescribeTrainingJobCommand,
  ListAlgorithmsCommand,
  ListTagsCommand,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type JobServer, startJobServerOn, trainingJob } from "../training-job/testkit/job-server.ts";
import { readyImages } from "../training-job/testkit/ready-images.ts";
import { ScriptedEngine } from "../training-job/testkit/scripted-engine.ts";

let jobs: JobServer;
beforeAll(async () => {
  jobs = await startJobServerOn(async () => new ScriptedEngine(), readyImages());
  jobs.engine.algorithm = (run, engine) => engine.exit(run.id, 0);
  await jobs.sagemaker.send(new CreateAlgorithmCommand(algorithm({ AlgorithmName: "Forest" })));
});
afterAll(() => jobs.close());

type Training = NonNullable<CreateAlgorithmCommandInput["TrainingSpecification"]>;

function algorithm(
  changes: Partial<CreateAlgorithmCommandInput> = {},
  training: Partial<Training> = {},
): CreateAlgorithmCommandInput {
  return {
    AlgorithmName: "unused",
    TrainingSpecification: {
      TrainingImage: "registry.example/forest:1",
      SupportedTrainingInstanceTypes: ["ml.m5.large", "ml.m5.xlarge"],
      SupportsDistributedTraining: false,
      SupportedHyperParameters: [
        {
          ...{ Name: "trees", Type: "Integer", IsRequired: true },
          Range: { IntegerParameterRangeSpecification: { MinValue: "1", MaxValue: "100" } },
        },
        {
          ...{ Name: "rate", Type: "Continuous", DefaultValue: "0.5" },
          Range: { ContinuousParameterRangeSpecification: { MinValue: "0", MaxValue: "1" } },
        },
        {
          Name: "mode",
          Type: "Categorical",
          Range: { CategoricalParameterRangeSpecification: { Values: ["a", "b"] } },
        },
        { Name: "note", Type: "FreeText" },
      ],
      TrainingChannels: [
        {
          ...{ Name: "train", IsRequired: true, SupportedInputModes: ["File"] },
          ...{ SupportedContentTypes: ["text/csv"], SupportedCompressionTypes: ["None"] },
        },
        { Name: "test", SupportedInputModes: ["File", "Pipe"], SupportedContentTypes: ["text/csv"] },
      ],
      MetricDefinitions: [{ Name: "accuracy", Regex: "acc=(\\S+)" }],
      SupportedTuningJobObjectiveMetrics: [{ Type: "Maximize", MetricName: "accuracy" }],
      ...training,
    },
    ...changes,
  };
}

test("an algorithm is described, listed, tagged and deleted", async () => {
  const input = algorithm({
    AlgorithmName: "Whole",
    AlgorithmDescription: "all of it",
    Tags: [{ Key: "a", Value: "b" }],
    InferenceSpecification: {
      Containers: [{ Image: "registry.example/forest:1" }],
      SupportedContentTypes: ["text/csv"],
      SupportedResponseMIMETypes: ["text/csv"],
    },
  });
  const { AlgorithmArn } = await jobs.sagemaker.send(new CreateAlgorithmCommand(input));
  expect(AlgorithmArn).toBe("arn:aws:sagemaker:us-west-2:111122223333:algorithm/whole");
  const { Tags: _, ...kept } = input;
  const wanted = {
    ...kept,
    AlgorithmArn,
    AlgorithmStatus: "Completed",
    AlgorithmStatusDetails: { ValidationStatuses: [], ImageScanStatuses: [] },
  };
  for (const AlgorithmName of ["Whole", AlgorithmArn]) {
    expect(await jobs.sagemaker.send(new DescribeAlgorithmCommand({ AlgorithmName }))).toMatchObject(wanted);
  }
  const { Tags } = await jobs.sagemaker.send(new ListTagsCommand({ ResourceArn: AlgorithmArn }));
  expect(Tags).toEqual([{ Key: "a", Value: "b" }]);
  const list = await jobs.sagemaker.send(new ListAlgorithmsCommand({ SortBy: "Name", NameContains: "o" }));
  expect(list.AlgorithmSummaryList).toMatchObject([
    { AlgorithmName: "Forest" },
    { AlgorithmName: "Whole", AlgorithmDescription: "all of it", AlgorithmStatus: "Completed" },
  ]);
  await expect(jobs.sagemaker.send(new CreateAlgorithmCommand(input))).rejects.toThrow("Algorithm already exists");
  await jobs.sagemaker.send(new DeleteAlgorithmCommand({ AlgorithmName: "Whole" }));
  const gone = jobs.sagemaker.send(new DescribeAlgorithmCommand({ AlgorithmName: "Whole" }));
  await expect(gone).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringContaining("does not exist"),
  });
});

test.for<[string, Partial<Training>, string]>([
  ["an image that cannot be run", { TrainingImage: "https://UPPER" }, "TrainingSpecification.TrainingImage"],
  [
    "a range of another type",
    {
      SupportedHyperParameters: [
        { Name: "a", Type: "Integer", Range: { CategoricalParameterRangeSpecification: { Values: ["x"] } } },
      ],
    },
    "a is Integer and cannot have a CategoricalParameterRangeSpecification",
  ],
  [
    "a default outside of its range",
    {
      SupportedHyperParameters: [
        {
          ...{ Name: "a", Type: "Integer", DefaultValue: "9" },
          Range: { IntegerParameterRangeSpecification: { MinValue: "0", MaxValue: "3" } },
        },
      ],
    },
    "9 is not within 0 and 3",
  ],
  [
    "a range without an inside",
    {
      SupportedHyperParameters: [
        { Name: "a", Type: "Integer", Range: { IntegerParameterRangeSpecification: { MinValue: "3", MaxValue: "1" } } },
      ],
    },
    "MinValue, 3",
  ],
  ["an objective that is no metric", { MetricDefinitions: [] }, "accuracy, which is not one of the MetricDefinitions"],
  [
    "a metric that cannot be read",
    { MetricDefinitions: [{ Name: "accuracy", Regex: "(" }] },
    "metric accuracy cannot be used",
  ],
])("%s is refused", async ([, training, message]) => {
  const sent = jobs.sagemaker.send(new CreateAlgorithmCommand(algorithm({}, training)));
  await expect(sent).rejects.toMatchObject({ name: "ValidationException", message: expect.stringContaining(message) });
});

describe("a training job of it", () => {
  const job = (changes: Partial<CreateTrainingJobCommandInput> = {}) =>
    trainingJob({
      AlgorithmSpecification: { AlgorithmName: "Forest", TrainingInputMode: "File" },
      HyperParameters: { trees: "10" },
      ...changes,
    });

  test("runs its image with its defaults and its metrics", async () => {
    const arn = "arn:aws:sagemaker:us-west-2:111122223333:algorithm/forest";
    const input = job({ AlgorithmSpecification: { AlgorithmName: arn, TrainingInputMode: "File" } });
    await jobs.sagemaker.send(new CreateTrainingJobCommand(input));
    const done = await jobs.until(input.TrainingJobName as string, "Completed");
    expect(done.HyperParameters).toEqual({ trees: "10", rate: "0.5" });
    expect(done.AlgorithmSpecification).toEqual({
      ...{ AlgorithmName: arn, TrainingInputMode: "File", EnableSageMakerMetricsTimeSeries: true },
      MetricDefinitions: [{ Name: "accuracy", Regex: "acc=(\\S+)" }],
    });
  });

  const channel = (changes: object) => [{ ...trainingJob().InputDataConfig?.[0], ...changes }];
  const resources = (changes: object) => ({
    ...{ InstanceType: "ml.m5.large" as const, InstanceCount: 1, VolumeSizeInGB: 10 },
    ...changes,
  });

  test.for<[string, Partial<CreateTrainingJobCommandInput>, string]>([
    ["a missing hyperparameter", { HyperParameters: {} }, "requires the hyperparameter trees"],
    ["an unknown hyperparameter", { HyperParameters: { trees: "1", x: "1" } }, "has no hyperparameter x"],
    ["an integer with a fraction", { HyperParameters: { trees: "1.5" } }, '"1.5" is not an integer'],
    ["an integer out of range", { HyperParameters: { trees: "101" } }, "101 is not within 1 and 100"],
    ["a number that is none", { HyperParameters: { trees: "1", rate: "fast" } }, '"fast" is not a number'],
    ["another word", { HyperParameters: { trees: "1", mode: "c" } }, '"c" is not one of a, b'],
    ["a missing channel", { InputDataConfig: channel({ ChannelName: "test" }) as never }, "requires the channel train"],
    [
      "an unknown channel",
      { InputDataConfig: [...channel({}), ...channel({ ChannelName: "extra" })] as never },
      "has no channel extra. Its channels are: train, test",
    ],
    [
      "another content type",
      { InputDataConfig: channel({ ContentType: "text/libsvm" }) as never },
      "does not support the content type text/libsvm in the channel train",
    ],
    [
      "another input mode",
      { InputDataConfig: channel({ InputMode: "FastFile" }) as never },
      "does not support the input mode FastFile",
    ],
    [
      "another instance type",
      { ResourceConfig: resources({ InstanceType: "ml.c5.xlarge" }) },
      "does not support the instance type ml.c5.xlarge",
    ],
    ["several instances", { ResourceConfig: resources({ InstanceCount: 2 }) }, "does not support distributed training"],
    [
      "an algorithm that is not there",
      { AlgorithmSpecification: { AlgorithmName: "nothing", TrainingInputMode: "File" } },
      "algorithm/nothing does not exist",
    ],
    [
      "an algorithm of another account",
      {
        AlgorithmSpecification: {
          AlgorithmName: "arn:aws:sagemaker:us-west-2:999999999999:algorithm/forest",
          TrainingInputMode: "File",
        },
      },
      "does not exist",
    ],
    [
      "metrics of its own",
      {
        AlgorithmSpecification: {
          ...{ AlgorithmName: "Forest", TrainingInputMode: "File" },
          MetricDefinitions: [{ Name: "a", Regex: "(a)" }],
        },
      },
      "MetricDefinitions cannot be given with AlgorithmName",
    ],
    [
      "an image besides",
      {
        AlgorithmSpecification: {
          ...{ AlgorithmName: "Forest", TrainingInputMode: "File" },
          TrainingImage: "linear-learner:1",
        },
      },
      "exactly one of TrainingImage and AlgorithmName",
    ],
  ])("%s is refused", async ([, changes, message]) => {
    const input = job(changes);
    const sent = jobs.sagemaker.send(new CreateTrainingJobCommand(input));
    await expect(sent).rejects.toMatchObject({
      name: "ValidationException",
      message: expect.stringContaining(message),
    });
    const nothing = jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: input.TrainingJobName }));
    await expect(nothing).rejects.toThrow("Requested resource not found.");
  });
});
