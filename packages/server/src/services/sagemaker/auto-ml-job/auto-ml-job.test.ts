import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  CreateAutoMLJobCommand,
  type CreateAutoMLJobCommandInput,
  CreateAutoMLJobV2Command,
  DescribeAutoMLJobCommand,
  DescribeAutoMLJobV2Command,
  DescribeTrainingJobCommand,
  ListAutoMLJobsCommand,
  ListCandidatesForAutoMLJobCommand,
  ListTagsCommand,
  ListTrainingJobsCommand,
  StopAutoMLJobCommand,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type JobServer, roleArn, startJobServerOn } from "../training-job/testkit/job-server.ts";
import { readyImages } from "../training-job/testkit/ready-images.ts";
import { logLines, ScriptedEngine, type ScriptedRun } from "../training-job/testkit/scripted-engine.ts";

const patiently = { timeout: 20_000, interval: 20 };
const S3DataSource = { S3DataType: "S3Prefix", S3Uri: "s3://data/train/" } as const;
const problem = { type: "BinaryClassification", target: "y", classes: ["no", "yes"] };
/** Each scores what its eta is, whichever starts first. */
const ensembles = [
  ["First", 0.7],
  ["Second", 0.9],
  ["Third", 0.8],
].map(([name, eta]) => ({ name, members: [{ learner: "xgboost", settings: { eta } }] }));
const ranges = [{ name: "eta", type: "Continuous", min: 0.01, max: 0.3, scaling: "Logarithmic" }];

let jobs: JobServer;
let names = 0;
beforeAll(async () => {
  jobs = await startJobServerOn(async () => new ScriptedEngine(), readyImages());
});
afterAll(() => jobs.close());

/** What the program would do, by the stage that a run is asked for. */
let script: Record<string, (run: ScriptedRun) => Promise<number> | number>;
beforeEach(() => {
  script = {
    analyze: (run) => analysis(run, { mode: "ENSEMBLING", candidates: ensembles, pipelines: [] }),
    ensemble: async (run) => {
      const [member] = JSON.parse(hyperparameters(run)["members"] as string) as (typeof ensembles)[number]["members"];
      await logLines(run, metric("F1", Number(member?.settings.eta)), metric("AUC", 0.9));
      return 0;
    },
    features: (run) => {
      write(run, "train/chunk_0.csv", "1,2\n");
      write(run, "validation/chunk_0.csv", "1,2\n");
      return 0;
    },
    model: async (run) => {
      await logLines(run, metric("F1", Number(hyperparameters(run)["eta"])));
      return 0;
    },
    report: () => 0,
  };
  jobs.engine.algorithm = async (run, engine) => {
    const code = await script[hyperparameters(run)["stage"] as string]?.(run);
    if (code !== undefined && code >= 0) engine.exit(run.id, code);
  };
});

function metric(name: string, value: number): string {
  return `#quality_metric: host=algo-1, validation ${name} <score>=${value}`;
}

function hyperparameters(run: ScriptedRun): Record<string, string> {
  const file = join(run.spec.mlDirectory, "input/config/hyperparameters.json");
  return JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
}

function write(run: ScriptedRun, path: string, content: string): void {
  const file = join(run.spec.mlDirectory, "checkpoints", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function analysis(run: ScriptedRun, plan: object): number {
  const content = JSON.stringify({ version: 1, problem, objective: "F1", ...plan });
  write(run, "preprocessed-data/tuning_data/analysis.json", content);
  return 0;
}

const search = (run: ScriptedRun) =>
  analysis(run, {
    ...{ mode: "HYPERPARAMETER_TUNING", candidates: [] },
    pipelines: [{ name: "dpp0", style: "tree", learner: "xgboost", ranges }],
  });

function request(changes: Partial<CreateAutoMLJobCommandInput> = {}): CreateAutoMLJobCommandInput {
  names += 1;
  return {
    AutoMLJobName: `Auto-${names}`,
    InputDataConfig: [{ DataSource: { S3DataSource }, TargetAttributeName: "y" }],
    OutputDataConfig: { S3OutputPath: "s3://data/out/" },
    RoleArn: roleArn,
    ...changes,
  };
}

async function create(changes: Partial<CreateAutoMLJobCommandInput> = {}): Promise<string> {
  const input = request(changes);
  await jobs.sagemaker.send(new CreateAutoMLJobCommand(input));
  return input.AutoMLJobName as string;
}

const describe = (AutoMLJobName: string) => jobs.sagemaker.send(new DescribeAutoMLJobCommand({ AutoMLJobName }));
const candidatesOf = async (AutoMLJobName: string, query: object = {}) =>
  (await jobs.sagemaker.send(new ListCandidatesForAutoMLJobCommand({ AutoMLJobName, ...query }))).Candidates ?? [];

async function ended(name: string) {
  const status = async () => (await describe(name)).AutoMLJobStatus;
  await expect.poll(status, patiently).toMatch(/Completed|Failed|Stopped/);
  return await describe(name);
}

test("ensembles are trained, and the best is told with one container, its metrics and its reports", async () => {
  const name = await create({ Tags: [{ Key: "team", Value: "forest" }] });
  const job = await ended(name);
  const best = job.BestCandidate;
  expect(job).toMatchObject({
    ...{ AutoMLJobStatus: "Completed", AutoMLJobSecondaryStatus: "Completed" },
    AutoMLJobArn: expect.stringMatching(/^arn:aws:sagemaker:us-west-2:111122223333:automl-job\/auto-/) as string,
    AutoMLJobConfig: { Mode: "AUTO" },
    ResolvedAttributes: { ProblemType: "BinaryClassification", AutoMLJobObjective: { MetricName: "F1" } },
    BestCandidate: {
      ...{ CandidateStatus: "Completed", ObjectiveStatus: "Succeeded" },
      FinalAutoMLJobObjectiveMetric: { Type: "Maximize", MetricName: "F1", Value: 0.9 },
      CandidateProperties: {
        CandidateMetrics: expect.arrayContaining([
          { MetricName: "AUC", StandardMetricName: "AUC", Value: 0.9, Set: "Validation" },
        ]) as object[],
        CandidateArtifactLocations: {
          ModelInsights: `s3://data/out/${name}/documentation/model_monitor/output/${best?.CandidateName}`,
        },
      },
      InferenceContainers: [
        { ModelDataUrl: expect.stringContaining(`/${best?.CandidateName}/output/model.tar.gz`) as string },
      ],
    },
    AutoMLJobArtifacts: {
      DataExplorationNotebookLocation: expect.stringMatching(/^s3:.*DataExplorationNotebook.ipynb$/) as string,
    },
    EndTime: expect.any(Date) as Date,
  });
  expect(best?.CandidateSteps?.map(({ CandidateStepName }) => CandidateStepName)).toEqual([
    expect.stringMatching(`^${name}-db-1-[0-9a-f]{8}$`),
    expect.stringMatching(`^${name}-t2-1-[0-9a-f]{8}$`),
  ]);
  const step = best?.CandidateSteps?.[1]?.CandidateStepArn as string;
  const { Tags } = await jobs.sagemaker.send(new ListTagsCommand({ ResourceArn: step }));
  expect(Tags).toEqual([{ Key: "team", Value: "forest" }]);
});

test("candidates are listed by their objective, filtered and in pages", async () => {
  const name = await create();
  await ended(name);
  const values = (await candidatesOf(name, { SortBy: "FinalObjectiveMetricValue", SortOrder: "Descending" })).map(
    (each) => each.FinalAutoMLJobObjectiveMetric?.Value,
  );
  expect(values).toEqual([0.9, 0.8, 0.7]);
  expect(await candidatesOf(name, { StatusEquals: "Failed" })).toEqual([]);
  expect(await candidatesOf(name, { StatusEquals: "Completed", SortBy: "Status" })).toHaveLength(3);
  const made = (await candidatesOf(name)).map(({ CandidateName }) => CandidateName);
  const latest = await candidatesOf(name, { SortBy: "CreationTime", SortOrder: "Descending" });
  expect(latest.map(({ CandidateName }) => CandidateName)).toEqual(made.toReversed());
  expect(await candidatesOf(name, { CandidateNameEquals: made[1] })).toMatchObject([{ CandidateName: made[1] }]);
  await expect(candidatesOf(name, { NextToken: "elsewhere" })).rejects.toThrow("The pagination token is invalid");
  await expect(candidatesOf("nothing")).rejects.toMatchObject({ name: "ResourceNotFound" });
  const first = await jobs.sagemaker.send(
    new ListCandidatesForAutoMLJobCommand({ AutoMLJobName: name, MaxResults: 2 }),
  );
  expect(first.Candidates).toHaveLength(2);
  const rest = await candidatesOf(name, { NextToken: first.NextToken });
  expect(rest.map(({ CandidateName }) => CandidateName)).toEqual([expect.stringContaining("-t3-")]);
});

test("a search is a tuning job over features that were made before, and its trials are the candidates", async () => {
  script["analyze"] = search;
  const CompletionCriteria = { MaxCandidates: 3 };
  const name = await create({ AutoMLJobConfig: { Mode: "HYPERPARAMETER_TUNING", CompletionCriteria } });
  const job = await ended(name);
  const candidates = await candidatesOf(name);
  expect(candidates).toHaveLength(3);
  const best = Math.max(...candidates.map((each) => each.FinalAutoMLJobObjectiveMetric?.Value as number));
  expect(job).toMatchObject({
    AutoMLJobStatus: "Completed",
    BestCandidate: { FinalAutoMLJobObjectiveMetric: { Value: best } },
    AutoMLJobArtifacts: {
      CandidateDefinitionNotebookLocation: expect.stringContaining("CandidateDefinitionNotebook.ipynb") as string,
    },
  });
  const containers = job.BestCandidate?.InferenceContainers ?? [];
  expect(containers.map(({ Environment }) => Environment?.["AUTOML_TRANSFORM_MODE"])).toEqual([
    ...["feature-transform", undefined, "inverse-label-transform"],
  ]);
  expect(containers[0]?.ModelDataUrl).toMatch(new RegExp(`/data-processor-models/${name}-dpp0-1-[0-9a-f]{8}/output`));
  expect(containers[2]?.ModelDataUrl).toBe(containers[0]?.ModelDataUrl);
});

test("both versions describe the jobs of both", async () => {
  names += 1;
  const AutoMLJobName = `Auto-${names}`;
  const TabularJobConfig = { TargetAttributeName: "y", Mode: "ENSEMBLING" } as const;
  await jobs.sagemaker.send(
    new CreateAutoMLJobV2Command({
      AutoMLJobName,
      AutoMLJobInputDataConfig: [{ DataSource: { S3DataSource }, ChannelType: "training" }],
      OutputDataConfig: { S3OutputPath: "s3://data/out" },
      AutoMLProblemTypeConfig: { TabularJobConfig },
      RoleArn: roleArn,
    }),
  );
  expect(await ended(AutoMLJobName)).toMatchObject({ InputDataConfig: [{ TargetAttributeName: "y" }] });
  expect(await jobs.sagemaker.send(new DescribeAutoMLJobV2Command({ AutoMLJobName }))).toMatchObject({
    AutoMLProblemTypeConfig: { TabularJobConfig },
    AutoMLProblemTypeConfigName: "Tabular",
    ResolvedAttributes: {
      AutoMLProblemTypeResolvedAttributes: { TabularResolvedAttributes: { ProblemType: "BinaryClassification" } },
    },
  });
  const first = await create();
  await ended(first);
  const told = await jobs.sagemaker.send(new DescribeAutoMLJobV2Command({ AutoMLJobName: first }));
  expect(told.AutoMLProblemTypeConfig).toMatchObject({ TabularJobConfig: { TargetAttributeName: "y" } });
});

test("data at fault fails the job with what the analysis said", async () => {
  script["analyze"] = (run) => {
    const file = join(run.spec.mlDirectory, "output/failure");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "The target attribute 'y' is no column of the training data.");
    return 2;
  };
  expect(await ended(await create())).toMatchObject({
    ...{ AutoMLJobStatus: "Failed", AutoMLJobSecondaryStatus: "Failed" },
    FailureReason: "The target attribute 'y' is no column of the training data.",
  });
});

test("a candidate that fails is one that failed; when all do, so has the job", async () => {
  const ensemble = script["ensemble"] as (run: ScriptedRun) => Promise<number>;
  // The one with the best metric fails after it has said so: it has no model.
  const isBest = (run: ScriptedRun) => hyperparameters(run)["members"]?.includes("0.9");
  script["ensemble"] = async (run) => ((await ensemble(run)) === 0 && isBest(run) ? 1 : 0);
  const job = await ended(await create());
  expect(job.FailureReason).toBeUndefined();
  expect(job).toMatchObject({
    AutoMLJobStatus: "Completed",
    BestCandidate: { FinalAutoMLJobObjectiveMetric: { Value: 0.8 } },
  });
  const [failed] = await candidatesOf(job.AutoMLJobName as string, { StatusEquals: "Failed" });
  expect(failed?.InferenceContainers).toBeUndefined();
  expect(job.PartialFailureReasons).toHaveLength(1);
  script["ensemble"] = () => 1;
  expect(await ended(await create())).toMatchObject({
    AutoMLJobStatus: "Failed",
    FailureReason: expect.stringContaining("No candidate could be trained") as string,
  });
});

test("reports that cannot be made do not fail the job", async () => {
  script["report"] = () => 1;
  const job = await ended(await create());
  expect(job).toMatchObject({
    AutoMLJobStatus: "Completed",
    PartialFailureReasons: [{ PartialFailureMessage: expect.stringContaining("There are no reports") as string }],
  });
  expect(job.BestCandidate?.CandidateProperties?.CandidateArtifactLocations).toBeUndefined();
});

test("definitions alone end after the analysis", async () => {
  script["analyze"] = search;
  const job = await ended(await create({ GenerateCandidateDefinitionsOnly: true }));
  expect(job).toMatchObject({
    ...{ AutoMLJobStatus: "Completed", AutoMLJobSecondaryStatus: "CandidateDefinitionsGenerated" },
    AutoMLJobArtifacts: { CandidateDefinitionNotebookLocation: expect.any(String) as string },
  });
  expect(job.BestCandidate).toBeUndefined();
});

test("a job that is stopped stops what runs and starts nothing more", async () => {
  script["ensemble"] = () => -1;
  const name = await create();
  await expect.poll(async () => (await candidatesOf(name)).length, patiently).toBe(2);
  await jobs.sagemaker.send(new StopAutoMLJobCommand({ AutoMLJobName: name }));
  expect(await ended(name)).toMatchObject({ AutoMLJobStatus: "Stopped", AutoMLJobSecondaryStatus: "Stopped" });
  expect((await candidatesOf(name)).map(({ CandidateStatus }) => CandidateStatus)).toEqual(["Stopped", "Stopped"]);
  const again = jobs.sagemaker.send(new StopAutoMLJobCommand({ AutoMLJobName: name }));
  await expect(again).rejects.toThrow("is in status Stopped");
});

test("a job whose time is over is as good as its best candidate", async () => {
  const ensemble = script["ensemble"] as (run: ScriptedRun) => Promise<number>;
  const isFirst = (run: ScriptedRun) => hyperparameters(run)["members"]?.includes("0.7");
  script["ensemble"] = async (run) => (isFirst(run) ? await ensemble(run) : -1);
  const CompletionCriteria = { MaxAutoMLJobRuntimeInSeconds: 3 };
  const job = await ended(await create({ AutoMLJobConfig: { CompletionCriteria } }));
  expect(job).toMatchObject({
    ...{ AutoMLJobStatus: "Completed", AutoMLJobSecondaryStatus: "MaxAutoMLJobRuntimeReached" },
    BestCandidate: { FinalAutoMLJobObjectiveMetric: { Value: 0.7 } },
  });
});

const pair = (type: "training" | "validation", changes: object = {}) => ({
  ...{ DataSource: { S3DataSource }, TargetAttributeName: "y", ChannelType: type, ...changes },
});
const algorithms = (Mode: "AUTO" | "ENSEMBLING" | "HYPERPARAMETER_TUNING", ...given: string[]) => ({
  AutoMLJobConfig: {
    Mode,
    CandidateGenerationConfig: { AlgorithmsConfig: [{ AutoMLAlgorithms: given as never[] }] },
  },
});

test.for<[string, Partial<CreateAutoMLJobCommandInput>, string]>([
  ["a problem type without an objective", { ProblemType: "Regression" }, "must either both be given"],
  [
    "another problem's objective",
    { ProblemType: "Regression", AutoMLJobObjective: { MetricName: "F1" } },
    "F1 cannot be used with Regression; one of MSE, RMSE, MAE, R2",
  ],
  ["two training channels", { InputDataConfig: [pair("training"), pair("training")] }, "Exactly one channel"],
  [
    "other targets",
    { InputDataConfig: [pair("training"), pair("validation", { TargetAttributeName: "z" })] },
    "must have the same TargetAttributeName",
  ],
  [
    "another content type",
    { InputDataConfig: [pair("training", { ContentType: "text/libsvm" })] },
    "has the ContentType text/libsvm",
  ],
  ["algorithms in AUTO", algorithms("AUTO", "xgboost"), "can only be given with the mode"],
  ["an algorithm of the other mode", algorithms("HYPERPARAMETER_TUNING", "catboost"), "catboost cannot be used"],
  [
    "algorithms that are not here",
    algorithms("HYPERPARAMETER_TUNING", "mlp"),
    "None of the algorithms mlp is available",
  ],
  [
    "two names of an endpoint",
    { ModelDeployConfig: { AutoGenerateEndpointName: true, EndpointName: "a" } },
    "takes either AutoGenerateEndpointName or EndpointName",
  ],
  ["weights", { InputDataConfig: [pair("training", { SampleWeightAttributeName: "w" })] }, "SampleWeightAttributeName"],
  [
    "no such data",
    {
      InputDataConfig: [
        pair("training", { DataSource: { S3DataSource: { ...S3DataSource, S3Uri: "s3://data/none/" } } }),
      ],
    },
    "s3://data/none/",
  ],
  ["no such bucket", { OutputDataConfig: { S3OutputPath: "s3://nowhere/out" } }, "nowhere"],
  [
    "no rows for training",
    { AutoMLJobConfig: { DataSplitConfig: { ValidationFraction: 1 } } },
    "DataSplitConfig.ValidationFraction must be above 0 and below 1, got 1",
  ],
  ["no such role", { RoleArn: "arn:aws:iam::111122223333:role/Nobody" }, "Could not assume role"],
])("%s: refused, and nothing is left", async ([, changes, message]) => {
  const input = request(changes);
  await expect(jobs.sagemaker.send(new CreateAutoMLJobCommand(input))).rejects.toThrow(message);
  await expect(describe(input.AutoMLJobName as string)).rejects.toMatchObject({ name: "ResourceNotFound" });
});

test("problems other than tables are refused by name", async () => {
  const wanted = new CreateAutoMLJobV2Command({
    AutoMLJobName: "Pictures",
    AutoMLJobInputDataConfig: [{ DataSource: { S3DataSource } }],
    OutputDataConfig: { S3OutputPath: "s3://data/out" },
    AutoMLProblemTypeConfig: { ImageClassificationJobConfig: {} },
    RoleArn: roleArn,
  });
  await expect(jobs.sagemaker.send(wanted)).rejects.toThrow("ImageClassificationJobConfig is not supported");
});

test("a taken name is ResourceInUse, in small letters too, and jobs are listed", async () => {
  const name = await create();
  await ended(name);
  for (const AutoMLJobName of [name, name.toLowerCase()]) {
    const again = jobs.sagemaker.send(new CreateAutoMLJobCommand(request({ AutoMLJobName })));
    await expect(again).rejects.toMatchObject({ name: "ResourceInUse" });
  }
  const { AutoMLJobSummaries } = await jobs.sagemaker.send(new ListAutoMLJobsCommand({ NameContains: name }));
  expect(AutoMLJobSummaries).toMatchObject([
    { AutoMLJobName: name, AutoMLJobStatus: "Completed", AutoMLJobSecondaryStatus: "Completed" },
  ]);
});

test("security settings reach every training job", async () => {
  const SecurityConfig = {
    VpcConfig: { SecurityGroupIds: ["sg-0123456789abcdef0"], Subnets: ["subnet-0123456789abcdef0"] },
    EnableInterContainerTrafficEncryption: true,
  };
  const CompletionCriteria = { MaxRuntimePerTrainingJobInSeconds: 77 };
  const name = await create({ AutoMLJobConfig: { SecurityConfig, CompletionCriteria } });
  await ended(name);
  const { TrainingJobSummaries } = await jobs.sagemaker.send(new ListTrainingJobsCommand({ NameContains: `${name}-` }));
  expect(TrainingJobSummaries).toHaveLength(5);
  for (const { TrainingJobName } of TrainingJobSummaries ?? []) {
    const child = await jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName }));
    expect(child).toMatchObject(SecurityConfig);
    const isAnalysis = TrainingJobName?.includes("-db-");
    expect(child.StoppingCondition?.MaxRuntimeInSeconds).toBe(isAnalysis ? 86_400 : 77);
  }
});
