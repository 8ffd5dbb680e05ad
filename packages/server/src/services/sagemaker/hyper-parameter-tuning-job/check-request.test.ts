import {
  CreateAlgorithmCommand,
  CreateHyperParameterTuningJobCommand,
  type CreateHyperParameterTuningJobCommandInput,
  StopHyperParameterTuningJobCommand,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type JobServer, startJobServerOn, trainingJob } from "../training-job/testkit/job-server.ts";
import { readyImages } from "../training-job/testkit/ready-images.ts";
import { ScriptedEngine } from "../training-job/testkit/scripted-engine.ts";
import { config, definition, printing, Tuning, tuningJob } from "./testkit/tuning.ts";

let jobs: JobServer;
let tuning: Tuning;
beforeAll(async () => {
  jobs = await startJobServerOn(async () => new ScriptedEngine(), readyImages());
  tuning = new Tuning(jobs);
  jobs.engine.algorithm = printing(() => [1]);
});
afterAll(() => jobs.close());

type Changes = Partial<CreateHyperParameterTuningJobCommandInput>;

const continuous = (range: object = {}) => ({
  ContinuousParameterRanges: [{ Name: "x", MinValue: "0", MaxValue: "1", ...range }],
});
const integer = (range: object = {}) => ({
  IntegerParameterRanges: [{ Name: "n", MinValue: "1", MaxValue: "9", ...range }],
});
const categorical = { CategoricalParameterRanges: [{ Name: "kind", Values: ["a", "b"] }] };
const ranged = (ParameterRanges: object, changes: object = {}): Changes => ({
  HyperParameterTuningJobConfig: config({ ParameterRanges, ...changes }),
});
const grid = (ParameterRanges: object, MaxNumberOfTrainingJobs?: number): Changes =>
  ranged(ParameterRanges, {
    Strategy: "Grid",
    ResourceLimits: { MaxParallelTrainingJobs: 1, MaxNumberOfTrainingJobs },
  });
const hyperband = (HyperbandStrategyConfig: object | undefined, changes: object = {}): Changes => ({
  HyperParameterTuningJobConfig: config({
    ...{ Strategy: "Hyperband", StrategyConfig: HyperbandStrategyConfig && { HyperbandStrategyConfig } },
    ...changes,
  }),
});
/** The linear learner. */
const linear = (
  ParameterRanges: object,
  StaticHyperParameters: Record<string, string> = { predictor_type: "regressor" },
): Changes => ({
  HyperParameterTuningJobConfig: config({
    HyperParameterTuningJobObjective: { Type: "Minimize", MetricName: "validation:objective_loss" },
    ParameterRanges,
  }),
  TrainingJobDefinition: definition({
    AlgorithmSpecification: {
      TrainingImage: "linear-learner:1",
      TrainingInputMode: "File",
    },
    StaticHyperParameters,
  }),
});
const rate = (MinValue: string, MaxValue: string, Name = "learning_rate") => ({
  ContinuousParameterRanges: [{ Name, MinValue, MaxValue }],
});
const many = (...definitions: object[]): Changes => ({
  HyperParameterTuningJobConfig: {
    Strategy: "Random",
    ResourceLimits: { MaxParallelTrainingJobs: 1, MaxNumberOfTrainingJobs: 2 },
  },
  TrainingJobDefinition: undefined,
  TrainingJobDefinitions: definitions.map((each) => definition(each)),
});
const first = {
  DefinitionName: "first",
  TuningObjective: { Type: "Minimize", MetricName: "loss" },
  HyperParameterRanges: continuous(),
};

test.for<[string, Changes, string]>([
  [
    "a range that is upside down",
    ranged(continuous({ MinValue: "2" })),
    "hyperparameter x has a MinValue, 2, that is greater than its MaxValue, 1",
  ],
  [
    "a range without numbers",
    ranged(continuous({ MaxValue: "much" })),
    'x has a MaxValue, "much", that is not a number',
  ],
  ["fractions of an integer", ranged(integer({ MaxValue: "2.5" })), 'n has a MaxValue, "2.5", that is not an integer'],
  [
    "logarithms through zero",
    ranged(continuous({ ScalingType: "Logarithmic" })),
    "x has a MinValue, 0, that a Logarithmic scale cannot show",
  ],
  [
    "a reverse logarithm up to 1",
    ranged(continuous({ ScalingType: "ReverseLogarithmic" })),
    "x cannot have a ReverseLogarithmic scale",
  ],
  [
    "a reverse logarithm of integers",
    ranged(integer({ ScalingType: "ReverseLogarithmic" })),
    "n is an integer, which cannot have",
  ],
  [
    "a grid over a continuous range",
    grid(continuous()),
    "x is continuous, and the strategy Grid takes categorical ranges only",
  ],
  ["a grid with another number of trials", grid(categorical, 3), "must be the number of combinations, 2"],
  ["two ranges of a name", ranged({ ...continuous({ Name: "n" }), ...integer() }), "n has two ranges"],
  [
    "a word twice",
    ranged({ CategoricalParameterRanges: [{ Name: "w", Values: ["a", "a"] }] }),
    'w has the value "a" twice',
  ],
  ["a range of what is static", ranged(continuous({ Name: "trees" })), "trees is in StaticHyperParameters, too"],
  [
    "a range of the objective's name",
    ranged(continuous({ Name: "_tuning_objective_metric" })),
    "is set by the tuning job",
  ],
  [
    "a hint without Autotune",
    ranged({ ...continuous(), AutoParameters: [{ Name: "depth", ValueHint: "5" }] }),
    "the hyperparameter depth is in AutoParameters, which need Autotune",
  ],
  [
    "no limit",
    ranged(continuous(), { ResourceLimits: { MaxParallelTrainingJobs: 1 } }),
    "needs MaxNumberOfTrainingJobs or MaxRuntimeInSeconds",
  ],
  [
    "a metric that nobody measures",
    {
      TrainingJobDefinition: definition({
        AlgorithmSpecification: { TrainingImage: "registry.example/f:1", TrainingInputMode: "File" },
      }),
    },
    "The objective metric loss is none of AlgorithmSpecification.MetricDefinitions",
  ],
  [
    "Hyperband that does not know how long trials are",
    hyperband(undefined),
    "HyperbandStrategyConfig.MaxResource is required",
  ],
  [
    "Hyperband upside down",
    hyperband({ MinResource: 9, MaxResource: 3 }),
    "MinResource, 9, is greater than MaxResource, 3",
  ],
  [
    "Hyperband with early stopping",
    hyperband({ MaxResource: 9 }, { TrainingJobEarlyStoppingType: "Auto" }),
    "TrainingJobEarlyStoppingType must be Off",
  ],
  [
    "settings of Hyperband for another",
    hyperband({ MaxResource: 9 }, { Strategy: "Random" }),
    "cannot be given with the strategy Random",
  ],
  [
    "a hyperparameter that the algorithm does not have",
    linear(rate("0.1", "0.2", "larning_rate")),
    "the hyperparameter larning_rate is none of the algorithm linear-learner",
  ],
  [
    "values that it does not take",
    linear(rate("-1", "1")),
    "The algorithm linear-learner refuses what training jobs would be given",
  ],
  ["one that it needs and does not get", linear(rate("0.1", "0.5"), {}), "predictor_type"],
  [
    "both kinds of machines",
    {
      TrainingJobDefinition: definition({
        HyperParameterTuningResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
      }),
    },
    "exactly one of ResourceConfig and HyperParameterTuningResourceConfig",
  ],
  [
    "input that is not there",
    {
      TrainingJobDefinition: definition({
        InputDataConfig: [
          { ChannelName: "train", DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/none/" } } },
        ],
      }),
    },
    "s3://data/none/",
  ],
  [
    "a role that is not there",
    { TrainingJobDefinition: definition({ RoleArn: "arn:aws:iam::111122223333:role/nobody" }) },
    "Could not assume role",
  ],
  [
    "neither kind of definition",
    { TrainingJobDefinition: undefined },
    "Exactly one of TrainingJobDefinition and TrainingJobDefinitions",
  ],
  [
    "definitions without names",
    many({ ...first, DefinitionName: undefined }),
    "TrainingJobDefinitions.1.member.DefinitionName is required",
  ],
  ["definitions of one name", many(first, first), "DefinitionName first is given twice"],
  [
    "definitions that aim in two directions",
    many(first, { ...first, DefinitionName: "second", TuningObjective: { Type: "Maximize", MetricName: "loss" } }),
    "must be the same in all definitions",
  ],
  [
    "ranges beside definitions",
    { ...many(first), HyperParameterTuningJobConfig: config() },
    "cannot be given with TrainingJobDefinitions",
  ],
  [
    "a parent that nobody knows",
    {
      WarmStartConfig: {
        ParentHyperParameterTuningJobs: [{ HyperParameterTuningJobName: "nobody" }],
        WarmStartType: "TransferLearning",
      },
    },
    "the parent tuning job nobody does not exist",
  ],
])("%s is refused", async ([, changes, message]) => {
  await expect(tuning.create(changes)).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringContaining(message),
  });
});

test.for<[string, Changes]>([
  [
    "751 trials",
    ranged(continuous(), {
      Strategy: "Bayesian",
      ResourceLimits: { MaxNumberOfTrainingJobs: 751, MaxParallelTrainingJobs: 1 },
    }),
  ],
  [
    "101 trials at once",
    ranged(continuous(), { ResourceLimits: { MaxNumberOfTrainingJobs: 700, MaxParallelTrainingJobs: 101 } }),
  ],
])("%s are beyond the limits of an account", async ([, changes]) => {
  await expect(tuning.create(changes)).rejects.toMatchObject({ name: "ResourceLimitExceeded" });
});

test("a name is taken whatever its letters' case", async () => {
  const input = tuningJob({ HyperParameterTuningJobName: "Taken" });
  await jobs.sagemaker.send(new CreateHyperParameterTuningJobCommand(input));
  for (const HyperParameterTuningJobName of ["Taken", "taken"]) {
    const again = new CreateHyperParameterTuningJobCommand({ ...input, HyperParameterTuningJobName });
    await expect(jobs.sagemaker.send(again)).rejects.toMatchObject({ name: "ResourceInUse" });
  }
  await tuning.until("Taken", "Completed");
});

test("a parent must have ended, with the same metric and hyperparameters", async () => {
  const parent = (await tuning.run()).HyperParameterTuningJobName as string;
  const child = (
    changes: Changes = {},
    name = parent,
    WarmStartType: "TransferLearning" | "IdenticalDataAndAlgorithm" = "TransferLearning",
  ) =>
    tuning.create({
      WarmStartConfig: { ParentHyperParameterTuningJobs: [{ HyperParameterTuningJobName: name }], WarmStartType },
      ...changes,
    });
  const refused = (message: string) => ({
    message: expect.stringContaining(`the parent tuning job ${parent} ${message}`),
  });
  await expect(child(ranged(continuous({ Name: "y" })))).rejects.toMatchObject(
    refused("does not have the same hyperparameters: y"),
  );
  await expect(
    child(ranged({ CategoricalParameterRanges: [{ Name: "x", Values: ["1", "2"] }] })),
  ).rejects.toMatchObject(refused("has the hyperparameter x as continuous, and not as categorical"));
  const other = definition({
    AlgorithmSpecification: {
      ...definition().AlgorithmSpecification,
      TrainingImage: "registry.example/other:1",
    } as never,
  });
  await expect(child({ TrainingJobDefinition: other }, parent, "IdenticalDataAndAlgorithm")).rejects.toMatchObject(
    refused("has another algorithm; take TransferLearning"),
  );
  await expect(child({ TrainingJobDefinition: other })).resolves.toBeDefined();
  const elsewhere = definition({
    InputDataConfig: [{ ...definition().InputDataConfig?.[0], ChannelName: "rows" }] as never,
  });
  await expect(child({ TrainingJobDefinition: elsewhere }, parent, "IdenticalDataAndAlgorithm")).rejects.toMatchObject(
    refused("has other input data; take TransferLearning"),
  );
  const twice = [parent, parent].map((HyperParameterTuningJobName) => ({ HyperParameterTuningJobName }));
  await expect(
    child({ WarmStartConfig: { ParentHyperParameterTuningJobs: twice, WarmStartType: "TransferLearning" } }),
  ).rejects.toMatchObject({ message: expect.stringContaining("the parent 2 has no name, or that of another parent") });
  await expect(child(grid({ CategoricalParameterRanges: [{ Name: "x", Values: ["1"] }] }))).rejects.toMatchObject({
    message: expect.stringContaining("WarmStartConfig takes the strategies Bayesian and Random, not Grid"),
  });
  const limits = { MaxNumberOfTrainingJobs: 748, MaxParallelTrainingJobs: 1 };
  await expect(child(ranged(continuous(), { ResourceLimits: limits }))).rejects.toMatchObject({
    message: expect.stringContaining("this tuning job and its parents have 751 training jobs together"),
  });
  // What was static may be tuned now, and the other way round.
  const moved = child({
    ...ranged(integer({ Name: "trees" })),
    TrainingJobDefinition: definition({ StaticHyperParameters: { x: "0.5" } }),
  });
  await expect(moved).resolves.toBeDefined();
  const parentOfMany = definition({
    StaticHyperParameters: Object.fromEntries("abcdef".split("").map((k) => [k, "1"])),
  });
  const many = (await tuning.run({ TrainingJobDefinition: parentOfMany })).HyperParameterTuningJobName as string;
  const changed = definition({ StaticHyperParameters: Object.fromEntries("abcdef".split("").map((k) => [k, "2"])) });
  await expect(child({ TrainingJobDefinition: changed }, many)).rejects.toMatchObject({
    message: expect.stringContaining("differs in too many static hyperparameters: 6, and at most 5 may"),
  });
  jobs.engine.algorithm = () => undefined;
  const running = await tuning.create();
  await expect(child({}, running)).rejects.toMatchObject({
    message: expect.stringContaining("is in status InProgress; it must have ended"),
  });
  await jobs.sagemaker.send(new StopHyperParameterTuningJobCommand({ HyperParameterTuningJobName: running }));
  await tuning.until(running, "Stopped");
  jobs.engine.algorithm = printing(() => [1]);
});

test("an algorithm resource says what may be tuned, and by which metric", async () => {
  await jobs.sagemaker.send(
    new CreateAlgorithmCommand({
      AlgorithmName: "Forest",
      TrainingSpecification: {
        TrainingImage: "registry.example/forest:1",
        SupportedTrainingInstanceTypes: ["ml.m5.large"],
        SupportedHyperParameters: [
          {
            Name: "x",
            Type: "Continuous",
            IsTunable: true,
            Range: { ContinuousParameterRangeSpecification: { MinValue: "0", MaxValue: "2" } },
          },
          { Name: "depth", Type: "Integer" },
        ],
        MetricDefinitions: [{ Name: "loss", Regex: "loss=(\\S+);" }],
        SupportedTuningJobObjectiveMetrics: [{ Type: "Minimize", MetricName: "loss" }],
        TrainingChannels: [{ Name: "train", SupportedInputModes: ["File"], SupportedContentTypes: ["text/csv"] }],
      },
    }),
  );
  const TrainingJobDefinition = definition({
    AlgorithmSpecification: { AlgorithmName: "Forest", TrainingInputMode: "File" },
    StaticHyperParameters: {},
  });
  const of = (ranges: object): Changes => ({ ...ranged(ranges), TrainingJobDefinition });
  await expect(tuning.create(of(integer({ Name: "depth" })))).rejects.toMatchObject({
    message: expect.stringContaining("depth is not tunable in algorithm"),
  });
  await expect(tuning.create(of(continuous({ MaxValue: "3" })))).rejects.toMatchObject({
    message: expect.stringContaining("3 is not within 0 and 2"),
  });
  const ended = await tuning.run(of(continuous()));
  expect(ended).toMatchObject({
    HyperParameterTuningJobStatus: "Completed",
    ObjectiveStatusCounters: { Succeeded: 3 },
  });
});

test("Autotune chooses ranges, limits and when to stop; what is given stays", async () => {
  const limits = { ResourceLimits: { MaxParallelTrainingJobs: 1 } as never };
  const own = await tuning.create({
    ...linear({}, { predictor_type: "regressor" }),
    HyperParameterTuningJobConfig: config({
      HyperParameterTuningJobObjective: { Type: "Minimize", MetricName: "validation:objective_loss" },
      ...{ ParameterRanges: undefined, ...limits },
    }),
    Autotune: { Mode: "Enabled" },
  });
  const { HyperParameterTuningJobConfig: chosen, Autotune } = await tuning.describe(own);
  expect(Autotune).toEqual({ Mode: "Enabled" });
  expect(chosen?.ParameterRanges?.ContinuousParameterRanges).toContainEqual({
    Name: "learning_rate",
    MinValue: "0.00001",
    MaxValue: "1",
    ScalingType: "Auto",
  });
  expect(chosen?.ParameterRanges?.IntegerParameterRanges?.map(({ Name }) => Name)).toContain("mini_batch_size");
  expect(chosen).toMatchObject({
    ResourceLimits: { MaxNumberOfTrainingJobs: expect.any(Number) },
    TrainingJobEarlyStoppingType: "Auto",
    TuningJobCompletionCriteria: { ConvergenceDetected: { CompleteOnConvergence: "Enabled" } },
  });
  await jobs.sagemaker.send(new StopHyperParameterTuningJobCommand({ HyperParameterTuningJobName: own }));
  await tuning.until(own, "Stopped", "Failed");
  const AutoParameters = [
    { Name: "rate", ValueHint: "0.01" },
    { Name: "depth", ValueHint: "5" },
    { Name: "kind", ValueHint: "fast" },
  ];
  const hinted = await tuning.run({
    HyperParameterTuningJobConfig: config({ ParameterRanges: { AutoParameters }, TrainingJobEarlyStoppingType: "Off" }),
    Autotune: { Mode: "Enabled" },
  });
  expect(hinted.HyperParameterTuningJobConfig).toMatchObject({
    ParameterRanges: {
      ContinuousParameterRanges: [{ Name: "rate", MinValue: "0.001", MaxValue: "0.1", ScalingType: "Auto" }],
      IntegerParameterRanges: [{ Name: "depth", MinValue: "0", MaxValue: "50", ScalingType: "Auto" }],
      CategoricalParameterRanges: [{ Name: "kind", Values: ["fast"] }],
      AutoParameters,
    },
    ResourceLimits: { MaxNumberOfTrainingJobs: 3 },
    TrainingJobEarlyStoppingType: "Off",
  });
});

test("machines are tried in their order, and the next is taken where one cannot be had", async () => {
  const strict = await startJobServerOn(async () => new ScriptedEngine(), readyImages(), {
    capacity: { ...jobs.server.platform.configuration.capacity, mode: "strict" },
  });
  try {
    strict.engine.algorithm = printing(() => [1]);
    const there = new Tuning(strict);
    const InstanceConfigs = (["ml.p4d.24xlarge", "ml.t3.medium"] as const).map((InstanceType) => ({
      ...{ InstanceType, InstanceCount: 1, VolumeSizeInGB: 1 },
    }));
    const ended = await there.run({
      TrainingJobDefinition: definition({
        ResourceConfig: undefined,
        HyperParameterTuningResourceConfig: { InstanceConfigs, AllocationStrategy: "Prioritized" },
      }),
    });
    expect(ended).toMatchObject({
      HyperParameterTuningJobStatus: "Completed",
      TrainingJobStatusCounters: { Completed: 3 },
    });
    const { InstanceConfigs: _, ...none } = { InstanceConfigs };
    await expect(
      there.create({
        TrainingJobDefinition: definition({
          ResourceConfig: { ...trainingJob().ResourceConfig, ...none, InstanceType: "ml.p4d.24xlarge" } as never,
        }),
      }),
    ).rejects.toMatchObject({ name: "ResourceLimitExceeded" });
  } finally {
    await strict.close();
  }
});
