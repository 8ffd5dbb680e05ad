import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  DeleteHyperParameterTuningJobCommand,
  DescribeTrainingJobCommand,
  ListHyperParameterTuningJobsCommand,
  ListTagsCommand,
  ListTrainingJobsCommand,
  ListTrainingJobsForHyperParameterTuningJobCommand,
  SearchCommand,
  StopHyperParameterTuningJobCommand,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type JobServer, startJobServerOn } from "../training-job/testkit/job-server.ts";
import { readyImages } from "../training-job/testkit/ready-images.ts";
import { logLines, ScriptedEngine, type ScriptedRun } from "../training-job/testkit/scripted-engine.ts";
import { config, definition, printing, Tuning } from "./testkit/tuning.ts";

const patiently = { timeout: 20_000, interval: 20 };

let jobs: JobServer;
let tuning: Tuning;
beforeAll(async () => {
  jobs = await startJobServerOn(async () => new ScriptedEngine(), readyImages());
  tuning = new Tuning(jobs);
});
afterAll(() => jobs.close());

/** The hyperparameters that a run's container finds. */
function hyperParameters(run: ScriptedRun): Record<string, string> {
  const ml = run.spec.mlDirectory;
  return JSON.parse(readFileSync(join(ml, "input/config/hyperparameters.json"), "utf8")) as Record<string, string>;
}
const x = (run: ScriptedRun) => Number(hyperParameters(run)["x"]);

beforeEach(() => {
  jobs.engine.algorithm = printing((run) => [9, x(run)]);
});

test("three trials are run, and the best of them is told", async () => {
  const Tags = [{ Key: "team", Value: "forest" }];
  const ended = await tuning.run({ Tags });
  const name = ended.HyperParameterTuningJobName as string;
  expect(ended).toMatchObject({
    HyperParameterTuningJobStatus: "Completed",
    HyperParameterTuningJobArn: expect.stringMatching(
      /^arn:aws:sagemaker:us-west-2:111122223333:hyper-parameter-tuning-job\/tune-/,
    ),
    TrainingJobStatusCounters: { Completed: 3, InProgress: 0, RetryableError: 0, NonRetryableError: 0, Stopped: 0 },
    ObjectiveStatusCounters: { Succeeded: 3, Pending: 0, Failed: 0 },
    TrainingJobDefinition: { StaticHyperParameters: { trees: "7", _tuning_objective_metric: "loss" } },
    ConsumedResources: { RuntimeInSeconds: expect.any(Number) },
    HyperParameterTuningEndTime: expect.any(Date),
  });
  const search = await jobs.sagemaker.send(
    new SearchCommand({
      Resource: "HyperParameterTuningJob",
      SearchExpression: { Filters: [{ Name: "Tags.team", Operator: "Equals", Value: "forest" }] },
    }),
  );
  expect(search.Results).toMatchObject([{ HyperParameterTuningJob: { HyperParameterTuningJobName: name } }]);
  const trials = await tuning.trials(name);
  expect(trials.map(({ TrainingJobName }) => TrainingJobName)).toEqual(
    [1, 2, 3].map((n) => expect.stringMatching(new RegExp(`^${name}-00${n}-[0-9a-f]{8}$`))),
  );
  const losses = trials.map((each) => each.FinalHyperParameterTuningJobObjectiveMetric?.Value as number);
  // Metrics are single precision on the wire; what was drawn is not.
  for (const [index, each] of trials.entries())
    expect(losses[index]).toBeCloseTo(Number(each.TunedHyperParameters?.["x"]), 5);
  expect(ended.BestTrainingJob).toMatchObject({
    FinalHyperParameterTuningJobObjectiveMetric: { Type: "Minimize", MetricName: "loss", Value: Math.min(...losses) },
    ObjectiveStatus: "Succeeded",
    TrainingJobStatus: "Completed",
  });
  const best = await jobs.sagemaker.send(
    new DescribeTrainingJobCommand({ TrainingJobName: ended.BestTrainingJob?.TrainingJobName }),
  );
  expect(best).toMatchObject({
    TuningJobArn: ended.HyperParameterTuningJobArn,
    HyperParameters: {
      trees: "7",
      x: ended.BestTrainingJob?.TunedHyperParameters?.["x"],
      _tuning_objective_metric: "loss",
    },
  });
  const tags = await jobs.sagemaker.send(new ListTagsCommand({ ResourceArn: best.TrainingJobArn }));
  expect(tags.Tags).toEqual(Tags);
});

test("equal seeds give equal trials", async () => {
  const values = async () => {
    const ended = await tuning.run();
    const trials = await tuning.trials(ended.HyperParameterTuningJobName as string);
    return trials.map(({ TunedHyperParameters }) => TunedHyperParameters);
  };
  const first = await values();
  expect(await values()).toEqual(first);
});

test("a grid has every combination, and is over after them", async () => {
  const ParameterRanges = {
    CategoricalParameterRanges: [
      { Name: "x", Values: ["1", "2"] },
      { Name: "kind", Values: ["a", "b"] },
    ],
  };
  const ended = await tuning.run({
    HyperParameterTuningJobConfig: config({
      Strategy: "Grid",
      ParameterRanges,
      ResourceLimits: { MaxParallelTrainingJobs: 3 },
    }),
  });
  const trials = await tuning.trials(ended.HyperParameterTuningJobName as string);
  expect(trials.map(({ TunedHyperParameters: { x: one, kind } = {} }) => `${one}${kind}`)).toEqual([
    "1a",
    "1b",
    "2a",
    "2b",
  ]);
  expect(ended.BestTrainingJob?.FinalHyperParameterTuningJobObjectiveMetric?.Value).toBe(1);
});

test("Bayesian search comes close to the bottom", async () => {
  jobs.engine.algorithm = printing((run) => [(x(run) - 0.62) ** 2]);
  const ended = await tuning.run({
    HyperParameterTuningJobConfig: config({
      Strategy: "Bayesian",
      ResourceLimits: { MaxNumberOfTrainingJobs: 10, MaxParallelTrainingJobs: 2 },
    }),
  });
  expect(ended.BestTrainingJob?.FinalHyperParameterTuningJobObjectiveMetric?.Value).toBeLessThan(0.002);
});

test("never more than MaxParallelTrainingJobs run", async () => {
  jobs.engine.algorithm = () => undefined;
  const name = await tuning.create();
  await expect.poll(() => jobs.engine.running.length, patiently).toBe(2);
  expect(await tuning.describe(name)).toMatchObject({
    HyperParameterTuningJobStatus: "InProgress",
    TrainingJobStatusCounters: { InProgress: 2 },
    ObjectiveStatusCounters: { Pending: 2 },
  });
  const [first] = jobs.engine.running;
  jobs.engine.exit(first?.id as string, 0);
  await expect.poll(async () => (await tuning.trials(name)).length, patiently).toBe(3);
  await expect.poll(() => jobs.engine.running.length, patiently).toBe(2);
  for (const run of jobs.engine.running) jobs.engine.exit(run.id, 0);
  // Nobody printed a loss.
  expect(await tuning.until(name, "Completed", "Failed")).toMatchObject({
    HyperParameterTuningJobStatus: "Failed",
    FailureReason: expect.stringContaining("No objective metrics found after running 3 training jobs."),
    TrainingJobStatusCounters: { Completed: 3 },
    ObjectiveStatusCounters: { Failed: 3 },
  });
});

test("lists sort and filter", async () => {
  let count = 0;
  jobs.engine.algorithm = async (run, engine) => {
    count += 1;
    if (count !== 2) await logLines(run, `loss=${10 - count};`);
    engine.exit(run.id, count === 3 ? 1 : 0);
  };
  const ended = await tuning.run({
    HyperParameterTuningJobConfig: config({
      ResourceLimits: { MaxNumberOfTrainingJobs: 4, MaxParallelTrainingJobs: 1 },
    }),
  });
  const name = ended.HyperParameterTuningJobName as string;
  expect(ended).toMatchObject({
    HyperParameterTuningJobStatus: "Completed",
    TrainingJobStatusCounters: { Completed: 3, NonRetryableError: 1 },
    ObjectiveStatusCounters: { Succeeded: 2, Failed: 2 },
  });
  const numbers = async (query: Parameters<Tuning["trials"]>[1]) =>
    (await tuning.trials(name, query)).map((each) => Number(/-(\d{3})-/.exec(each.TrainingJobName as string)?.[1]));
  expect(await numbers({ SortBy: "CreationTime", SortOrder: "Descending", MaxResults: 3 })).toEqual([4, 3, 2, 1]);
  expect(await numbers({ SortBy: "Status", MaxResults: 1 })).toEqual([1, 2, 4, 3]);
  // One has none, and the one that failed has one that is not used, but is told.
  expect(await numbers({ SortBy: "FinalObjectiveMetricValue" })).toEqual([4, 3, 1]);
  expect(await numbers({ StatusEquals: "Failed" })).toEqual([3]);
  const [failed] = await tuning.trials(name, { StatusEquals: "Failed" });
  expect(failed).toMatchObject({ ObjectiveStatus: "Failed", FailureReason: expect.stringMatching(/^AlgorithmError/) });
  const { HyperParameterTuningJobSummaries: all } = await jobs.sagemaker.send(
    new ListHyperParameterTuningJobsCommand({ NameContains: name, StatusEquals: "Completed", SortBy: "Name" }),
  );
  expect(all?.find((each) => each.HyperParameterTuningJobName === name)).toMatchObject({
    Strategy: "Random",
    ObjectiveStatusCounters: { Succeeded: 2 },
    ResourceLimits: { MaxNumberOfTrainingJobs: 4, MaxParallelTrainingJobs: 1 },
  });
  const now = Date.now();
  const hour = 3_600_000;
  const found = async (query: object) => {
    const page = await jobs.sagemaker.send(new ListHyperParameterTuningJobsCommand({ NameContains: name, ...query }));
    return page.HyperParameterTuningJobSummaries?.some((each) => each.HyperParameterTuningJobName === name);
  };
  for (const time of ["CreationTime", "LastModifiedTime"]) {
    expect(await found({ [`${time}After`]: new Date(now - hour), [`${time}Before`]: new Date(now + hour) })).toBe(true);
    expect(await found({ [`${time}After`]: new Date(now + hour) })).toBe(false);
    expect(await found({ [`${time}Before`]: new Date(now - hour) })).toBe(false);
  }
  expect(await found({ StatusEquals: "Failed" })).toBe(false);
  await tuning.run({ HyperParameterTuningJobName: "A-first-by-name" });
  const listed = await jobs.sagemaker.send(new ListHyperParameterTuningJobsCommand({ MaxResults: 1 }));
  expect(listed.HyperParameterTuningJobSummaries?.[0]?.HyperParameterTuningJobName).toBe("A-first-by-name");
  expect(listed.NextToken).toBeDefined();
  const page = new ListTrainingJobsForHyperParameterTuningJobCommand({
    ...{ HyperParameterTuningJobName: name, NextToken: "nonsense" },
  });
  await expect(jobs.sagemaker.send(page)).rejects.toMatchObject({ message: "The pagination token is invalid." });
});

test("a tuning job whose training jobs all fail gives up, and says why", async () => {
  jobs.engine.algorithm = printing(() => [], 1);
  const ended = await tuning.run({
    HyperParameterTuningJobConfig: config({
      ResourceLimits: { MaxNumberOfTrainingJobs: 50, MaxParallelTrainingJobs: 1 },
    }),
  });
  expect(ended).toMatchObject({
    HyperParameterTuningJobStatus: "Failed",
    FailureReason: expect.stringContaining("All training jobs failed."),
    TrainingJobStatusCounters: { NonRetryableError: 5 },
  });
  expect(ended.BestTrainingJob).toBeUndefined();
});

test("objectives that are no numbers are none", async () => {
  jobs.engine.algorithm = printing(() => ["nan", "inf", "abc"]);
  const ended = await tuning.run();
  expect(ended).toMatchObject({ HyperParameterTuningJobStatus: "Failed", ObjectiveStatusCounters: { Failed: 3 } });
});

test("stopping stops what runs and launches nothing more", async () => {
  jobs.engine.algorithm = () => undefined;
  const name = await tuning.create();
  await expect.poll(() => jobs.engine.running.length, patiently).toBe(2);
  await jobs.sagemaker.send(new StopHyperParameterTuningJobCommand({ HyperParameterTuningJobName: name }));
  await jobs.sagemaker
    .send(new StopHyperParameterTuningJobCommand({ HyperParameterTuningJobName: name }))
    .catch((error: Error) => {
      expect(error.message).toContain("in status Stopped");
    });
  expect(await tuning.until(name, "Stopped")).toMatchObject({
    TrainingJobStatusCounters: { Stopped: 2, InProgress: 0 },
  });
  await expect(
    jobs.sagemaker.send(new StopHyperParameterTuningJobCommand({ HyperParameterTuningJobName: name })),
  ).rejects.toMatchObject({ name: "ValidationException", message: expect.stringContaining("in status Stopped") });
});

test("deleting leaves the training jobs, and refuses a tuning job that goes on", async () => {
  const ended = await tuning.run();
  const HyperParameterTuningJobName = ended.HyperParameterTuningJobName as string;
  await jobs.sagemaker.send(new DeleteHyperParameterTuningJobCommand({ HyperParameterTuningJobName }));
  await expect(tuning.describe(HyperParameterTuningJobName)).rejects.toMatchObject({ name: "ResourceNotFound" });
  await expect(tuning.trials(HyperParameterTuningJobName)).rejects.toMatchObject({ name: "ResourceNotFound" });
  const { TrainingJobSummaries: left } = await jobs.sagemaker.send(
    new ListTrainingJobsCommand({ NameContains: `${HyperParameterTuningJobName}-0` }),
  );
  expect(left).toHaveLength(3);
  // Another of the same name has training jobs of its own.
  const again = await tuning.run({ HyperParameterTuningJobName });
  expect(again.HyperParameterTuningJobStatus).toBe("Completed");
  jobs.engine.algorithm = () => undefined;
  const running = await tuning.create();
  await expect(
    jobs.sagemaker.send(new DeleteHyperParameterTuningJobCommand({ HyperParameterTuningJobName: running })),
  ).rejects.toMatchObject({ message: expect.stringContaining("stop it first") });
  await jobs.sagemaker.send(new StopHyperParameterTuningJobCommand({ HyperParameterTuningJobName: running }));
  await tuning.until(running, "Stopped");
});

test.for<[string, object, number]>([
  ["a target ends it once a trial reaches it", { TargetObjectiveMetricValue: 8 }, 2],
  ["so do trials that do not improve", { BestObjectiveNotImproving: { MaxNumberOfTrainingJobsNotImproving: 3 } }, 7],
  ["and convergence", { ConvergenceDetected: { CompleteOnConvergence: "Enabled" } }, 24],
])("completion criteria: %s", async ([, TuningJobCompletionCriteria, launched]) => {
  let count = 0;
  // 9, 8, 7, 6, and then always 6.
  jobs.engine.algorithm = printing(() => [Math.max(6, 10 - ++count)]);
  const ended = await tuning.run({
    HyperParameterTuningJobConfig: config({
      ...{ TuningJobCompletionCriteria },
      ResourceLimits: { MaxNumberOfTrainingJobs: 40, MaxParallelTrainingJobs: 1 },
    }),
  });
  expect(ended).toMatchObject({
    HyperParameterTuningJobStatus: "Completed",
    TrainingJobStatusCounters: { Completed: launched },
    TuningJobCompletionDetails: { NumberOfTrainingJobsObjectiveNotImproving: Math.max(0, launched - 4) },
  });
});

test("several definitions are tried, each with its own ranges", async () => {
  const one = { TuningObjective: { Type: "Minimize", MetricName: "loss" } } as const;
  const range = (Name: string) => ({ ContinuousParameterRanges: [{ Name, MinValue: "0", MaxValue: "1" }] });
  jobs.engine.algorithm = printing((run) => ["y" in hyperParameters(run) ? 5 : 3]);
  const ended = await tuning.run({
    HyperParameterTuningJobConfig: {
      Strategy: "Bayesian",
      ResourceLimits: { MaxNumberOfTrainingJobs: 9, MaxParallelTrainingJobs: 1 },
    },
    TrainingJobDefinition: undefined,
    TrainingJobDefinitions: [
      definition({ DefinitionName: "first", ...one, HyperParameterRanges: range("x") }),
      definition({ DefinitionName: "second", ...one, HyperParameterRanges: range("y") }),
    ],
  });
  expect(ended.BestTrainingJob).toMatchObject({ TrainingJobDefinitionName: "first" });
  const trials = await tuning.trials(ended.HyperParameterTuningJobName as string);
  const names = trials.map(({ TrainingJobDefinitionName: name }) => name);
  expect(names.filter((name) => name === "second").length).toBeGreaterThanOrEqual(3);
  expect(names.filter((name) => name === "first").length).toBeGreaterThan(4);
  for (const { TrainingJobDefinitionName: name, TunedHyperParameters } of trials) {
    expect(Object.keys(TunedHyperParameters ?? {})).toEqual([name === "first" ? "x" : "y"]);
  }
});

test("Hyperband stops trials that fall behind, at the rungs of their resource", async () => {
  let count = 0;
  const epochs = 9;
  jobs.engine.algorithm = async (run, engine) => {
    count += 1;
    const loss = count;
    // Losses grow from trial to trial, so that every trial after the first few is worse than all before it.
    await logLines(run, `loss=${loss};`);
    if (loss <= 2) {
      await logLines(run, ...Array.from({ length: epochs - 1 }, () => `loss=${loss};`));
      engine.exit(run.id, 0);
    }
  };
  const ended = await tuning.run({
    HyperParameterTuningJobConfig: config({
      Strategy: "Hyperband",
      StrategyConfig: { HyperbandStrategyConfig: { MinResource: 1, MaxResource: 2 } },
      ResourceLimits: { MaxNumberOfTrainingJobs: 4, MaxParallelTrainingJobs: 1, MaxRuntimeInSeconds: 120 },
    }),
  });
  expect(ended).toMatchObject({
    HyperParameterTuningJobStatus: "Completed",
    BestTrainingJob: { FinalHyperParameterTuningJobObjectiveMetric: { Value: 1 } },
  });
  expect(ended.TrainingJobStatusCounters?.Stopped).toBeGreaterThan(0);
  // What a stopped trial had reported counts.
  expect(ended.ObjectiveStatusCounters).toEqual({ Succeeded: 4, Pending: 0, Failed: 0 });
});

test("what a definition says reaches its training jobs: spot, retries, checkpoints, environment, isolation", async () => {
  const said = {
    EnableManagedSpotTraining: true,
    StoppingCondition: { MaxRuntimeInSeconds: 600, MaxWaitTimeInSeconds: 900 },
    RetryStrategy: { MaximumRetryAttempts: 2 },
    CheckpointConfig: { S3Uri: "s3://data/checkpoints/" },
    Environment: { LEVEL: "3" },
    EnableNetworkIsolation: true,
  };
  const ended = await tuning.run({ TrainingJobDefinition: definition(said) });
  const TrainingJobName = ended.BestTrainingJob?.TrainingJobName;
  const child = await jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName }));
  expect(child).toMatchObject({ ...said, BillableTimeInSeconds: expect.any(Number) });
  expect(ended.TrainingJobDefinition).toMatchObject(said);
});

test("early stopping stops a trial that is worse than the median", async () => {
  let count = 0;
  jobs.engine.algorithm = async (run, engine) => {
    count += 1;
    await logLines(run, `loss=${count < 4 ? 1 : 5};`);
    // The fourth would go on for ever.
    if (count < 4) engine.exit(run.id, 0);
  };
  const ended = await tuning.run({
    HyperParameterTuningJobConfig: config({
      TrainingJobEarlyStoppingType: "Auto",
      ResourceLimits: { MaxNumberOfTrainingJobs: 4, MaxParallelTrainingJobs: 1 },
    }),
  });
  expect(ended).toMatchObject({ TrainingJobStatusCounters: { Completed: 3, Stopped: 1 } });
});

test("a warm start goes on from what its parent found, and tells the best of both", async () => {
  jobs.engine.algorithm = printing((run) => [(x(run) - 0.62) ** 2]);
  const Strategy = "Bayesian" as const;
  const parent = await tuning.run({
    HyperParameterTuningJobConfig: config({
      Strategy,
      ResourceLimits: { MaxNumberOfTrainingJobs: 8, MaxParallelTrainingJobs: 1 },
    }),
  });
  const warm = (WarmStartType: "IdenticalDataAndAlgorithm" | "TransferLearning") =>
    tuning.run({
      HyperParameterTuningJobConfig: config({
        Strategy,
        ResourceLimits: { MaxNumberOfTrainingJobs: 1, MaxParallelTrainingJobs: 1 },
      }),
      WarmStartConfig: {
        ParentHyperParameterTuningJobs: [{ HyperParameterTuningJobName: parent.HyperParameterTuningJobName }],
        WarmStartType,
      },
    });
  const child = await warm("IdenticalDataAndAlgorithm");
  const found = child.BestTrainingJob?.FinalHyperParameterTuningJobObjectiveMetric?.Value as number;
  expect(found).toBeLessThan(0.01);
  const parents = parent.BestTrainingJob?.FinalHyperParameterTuningJobObjectiveMetric?.Value as number;
  expect(child.OverallBestTrainingJob?.FinalHyperParameterTuningJobObjectiveMetric?.Value).toBe(
    Math.min(found, parents),
  );
  expect((await warm("TransferLearning")).OverallBestTrainingJob).toBeUndefined();
});

test("a server that comes back loses no training job and creates none twice", async () => {
  jobs.engine.algorithm = () => undefined;
  const name = await tuning.create({
    HyperParameterTuningJobConfig: config({
      ResourceLimits: { MaxNumberOfTrainingJobs: 5, MaxParallelTrainingJobs: 2 },
    }),
  });
  await expect.poll(() => jobs.engine.running.length, patiently).toBe(2);
  const before = await tuning.trials(name);
  // A controller that knows nothing of the first takes over, and both get in each other's way from now on.
  const { tuningJobController } = await import("./reconcile.ts");
  const { createLoop } = await import("../../../reconcile/loop.ts");
  const { silentLog } = await import("../../../log.ts");
  const second = createLoop({
    ...{ store: jobs.server.platform.store, log: silentLog },
    controllers: [tuningJobController(jobs.server.platform)] as never[],
  });
  await second.start();
  jobs.engine.algorithm = printing(() => [1]);
  for (const run of jobs.engine.running) jobs.engine.exit(run.id, 0);
  const ended = await tuning.until(name, "Completed", "Failed");
  await second.stop();
  const trials = await tuning.trials(name);
  expect(trials.slice(0, 2).map((each) => each.TrainingJobName)).toEqual(before.map((each) => each.TrainingJobName));
  expect(trials.map((each) => Number(/-(\d{3})-/.exec(each.TrainingJobName as string)?.[1]))).toEqual([1, 2, 3, 4, 5]);
  expect(ended).toMatchObject({
    HyperParameterTuningJobStatus: "Completed",
    TrainingJobStatusCounters: { Completed: 5 },
  });
  const { TrainingJobSummaries } = await jobs.sagemaker.send(
    new ListTrainingJobsCommand({ NameContains: `${name}-0`, MaxResults: 100 }),
  );
  expect(TrainingJobSummaries).toHaveLength(5);
});
