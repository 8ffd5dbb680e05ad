import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import {
  CreateTrainingJobCommand,
  DeleteTrainingJobCommand,
  DescribeTrainingJobCommand,
  ListTagsCommand,
  ListTrainingJobsCommand,
  StopTrainingJobCommand,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { ObjectStorage } from "../../../objects/object-storage.ts";
import { type JobServer, roleArn, startJobServer, trainingJob } from "./testkit/job-server.ts";
import { logLines } from "./testkit/scripted-engine.ts";

let world: JobServer;
beforeAll(async () => {
  world = await startJobServer();
});
afterAll(() => world.close());
beforeEach(() => {
  world.engine.algorithm = () => {};
});

const exists = async (key: string) => (await world.server.platform.objects.head("data", key)) !== undefined;

async function unpacked(key: string): Promise<string> {
  return gunzipSync(await buffer(await world.server.platform.objects.read("data", key))).toString("latin1");
}

describe("a job that completes", () => {
  test("goes through SageMaker's phases and leaves model, output and metrics", async () => {
    world.engine.algorithm = async (run, engine) => {
      await writeFile(join(run.spec.mlDirectory, "model/model.bin"), "weights");
      await writeFile(join(run.spec.mlDirectory, "output/data/report.txt"), "fine");
      await logLines(
        run,
        "#quality_metric: host=algo-1, epoch=0, train mse_objective <loss>=2.5",
        "#quality_metric: host=algo-1, epoch=1, train mse_objective <loss>=0.5",
      );
      engine.exit(run.id, 0);
    };
    const name = await world.create();
    const job = await world.until(name, "Completed", "Failed");
    expect(job).toMatchObject({
      TrainingJobStatus: "Completed",
      SecondaryStatus: "Completed",
      TrainingJobArn: `arn:aws:sagemaker:us-west-2:111122223333:training-job/${name.toLowerCase()}`,
      ModelArtifacts: { S3ModelArtifacts: `s3://data/out/${name}/output/model.tar.gz` },
    });
    expect(job.SecondaryStatusTransitions?.map(({ Status, StatusMessage }) => [Status, StatusMessage])).toEqual([
      ["Starting", "Starting the training job"],
      ["Downloading", "Downloading input data"],
      ["Training", "Training image download completed. Training in progress."],
      ["Uploading", "Uploading generated training model"],
      ["Completed", "Training job completed"],
    ]);
    expect(job.BillableTimeInSeconds).toBe(job.TrainingTimeInSeconds); // all of it: on demand
    expect(job.FinalMetricDataList?.find(({ MetricName }) => MetricName === "train:objective_loss")?.Value).toBe(0.5);
    expect(await unpacked(`out/${name}/output/model.tar.gz`)).toContain("weights");
    expect(await unpacked(`out/${name}/output/output.tar.gz`)).toContain("report.txt");
    await expect.poll(() => [...world.engine.runs.keys()]).toEqual([]);
  });

  test("sees its configuration as the contract has it", async () => {
    let seen: unknown;
    world.engine.algorithm = async (run, engine) => {
      const { readFile } = await import("node:fs/promises");
      const config = async (file: string) =>
        JSON.parse(await readFile(join(run.spec.mlDirectory, "input/config", file), "utf8"));
      seen = {
        hyperparameters: await config("hyperparameters.json"),
        input: await config("inputdataconfig.json"),
        resources: await config("resourceconfig.json"),
        environment: run.spec.environment,
        channels: run.spec.channels.map(({ target, files }) => [target, files.map(({ path }) => path)]),
      };
      engine.exit(run.id, 0);
    };
    const name = await world.create({ Environment: { MINE: "yes", AWS_REGION: "elsewhere" } });
    await world.until(name, "Completed");
    expect(seen).toMatchObject({
      hyperparameters: { predictor_type: "regressor", mini_batch_size: "10" },
      input: {
        train: {
          TrainingInputMode: "File",
          S3DistributionType: "FullyReplicated",
          RecordWrapperType: "None",
          ContentType: "text/csv",
        },
      },
      resources: {
        current_host: "algo-1",
        hosts: ["algo-1"],
        current_instance_type: "ml.m5.large",
        network_interface_name: "eth0",
      },
      environment: { TRAINING_JOB_NAME: name, AWS_REGION: "us-west-2", MINE: "yes" },
      channels: [["/opt/ml/input/data/train", ["a.csv"]]],
    });
  });

  test("uploads single files with CompressionType NONE", async () => {
    world.engine.algorithm = async (run, engine) => {
      await mkdir(join(run.spec.mlDirectory, "model/deep"));
      await writeFile(join(run.spec.mlDirectory, "model/deep/a"), "1");
      engine.exit(run.id, 0);
    };
    const name = await world.create({
      OutputDataConfig: { S3OutputPath: "s3://data/out/", CompressionType: "NONE" },
    });
    const job = await world.until(name, "Completed");
    expect(job.ModelArtifacts?.S3ModelArtifacts).toBe(`s3://data/out/${name}/output/model/`);
    expect(await exists(`out/${name}/output/model/deep/a`)).toBe(true);
  });

  test("leaks nothing through links that it left behind", async () => {
    world.engine.algorithm = async (run, engine) => {
      await writeFile(join(run.spec.mlDirectory, "model/good"), "good");
      await symlink("/etc/passwd", join(run.spec.mlDirectory, "model/bad"));
      await symlink("/etc", join(run.spec.mlDirectory, "model/folder"));
      engine.exit(run.id, 0);
    };
    const name = await world.create();
    await world.until(name, "Completed");
    const archive = await unpacked(`out/${name}/output/model.tar.gz`);
    expect(archive).toContain("good");
    expect(archive).not.toContain("root:");
    expect(archive).not.toContain("bad");
  });
});

describe("a job that fails", () => {
  test("quotes its failure file", async () => {
    world.engine.algorithm = async (run, engine) => {
      await writeFile(join(run.spec.mlDirectory, "output/failure"), "k must be positive");
      engine.exit(run.id, 2);
    };
    const job = await world.until(await world.create(), "Failed");
    expect(job.FailureReason).toBe("AlgorithmError: k must be positive, exit code: 2");
    expect(job.SecondaryStatusTransitions?.at(-1)?.StatusMessage).toBe(job.FailureReason);
  });

  test("never follows a failure file that is a link", async () => {
    world.engine.algorithm = async (run, engine) => {
      await symlink("/etc/passwd", join(run.spec.mlDirectory, "output/failure"));
      engine.exit(run.id, 1);
    };
    const job = await world.until(await world.create(), "Failed");
    expect(job.FailureReason).toBe("AlgorithmError: , exit code: 1");
  });

  test("quotes the end of its log where it left no words, within 1,024 characters", async () => {
    world.engine.algorithm = async (run, engine) => {
      await logLines(run, "x".repeat(3000), "the last words");
      engine.exit(run.id, 1);
    };
    const job = await world.until(await world.create(), "Failed");
    expect(job.FailureReason).toMatch(/^AlgorithmError: x+/);
    expect(job.FailureReason).toHaveLength(1024);
    expect(job.FailureReason).toMatch(/, exit code: 1$/);
  });

  test("is told that its memory ran out", async () => {
    world.engine.algorithm = (run, engine) => engine.exit(run.id, 137, "out-of-memory");
    const job = await world.until(await world.create(), "Failed");
    expect(job.FailureReason).toMatch(/^ClientError: Please use an instance type with more memory/);
  });

  test("is refused buckets of another account, which it could not reach over S3 either", async () => {
    const { objects } = world.server.platform as { objects: ObjectStorage };
    await objects.buckets.create("theirs", { owner: "222222222222", region: "us-west-2", settings: {} });
    await objects.put("theirs", "train.csv", Readable.from([Buffer.from("1,2\n")]));
    const input = trainingJob().InputDataConfig?.[0];
    const theirs = { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: "s3://theirs/train.csv" } };
    await expect(
      world.create({ InputDataConfig: [{ ChannelName: "train", ...input, DataSource: theirs }] }),
    ).rejects.toThrow("No S3 objects found under S3 URL");
    await expect(world.create({ OutputDataConfig: { S3OutputPath: "s3://theirs/out" } })).rejects.toThrow(
      "does not exist",
    );
  });

  test("is refused isolation that the engine does not have", async () => {
    world.engine.capabilities = { ...world.engine.capabilities, isolation: false };
    const job = await world.until(await world.create({ EnableNetworkIsolation: true }), "Failed");
    world.engine.capabilities = { ...world.engine.capabilities, isolation: true };
    expect(job.FailureReason).toMatch(/^ClientError: EnableNetworkIsolation needs/);
    expect(world.engine.runs.size).toBe(0);
  });

  test("is given isolation where the engine has it for its kind of image only", async () => {
    const before = { isolates: world.engine.isolates, capabilities: world.engine.capabilities };
    onTestFinished(() => void Object.assign(world.engine, before));
    world.engine.capabilities = { ...world.engine.capabilities, isolation: false };
    world.engine.isolates = (root) => root === "files";
    world.engine.algorithm = (run, engine) => engine.exit(run.id, 0);
    await world.until(await world.create({ EnableNetworkIsolation: true }), "Completed");
  });
});

describe("a job that is stopped", () => {
  test("gets SIGTERM with 120 seconds, and what it wrote is uploaded", async () => {
    let stops: readonly number[] = [];
    world.engine.algorithm = async (run) => {
      stops = run.stops;
      await writeFile(join(run.spec.mlDirectory, "model/partial"), "partial");
    };
    const name = await world.create();
    await untilRunning(name);
    await world.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: name }));
    const job = await world.until(name, "Stopped");
    expect(job.SecondaryStatusTransitions?.map(({ Status }) => Status)).toEqual([
      "Starting",
      "Downloading",
      "Training",
      "Stopping",
      "Stopped",
    ]);
    expect(stops).toHaveLength(1);
    expect(stops[0]).toBeGreaterThan(110_000);
    expect(await unpacked(`out/${name}/output/model.tar.gz`)).toContain("partial");
    await expect(world.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: name }))).rejects.toMatchObject({
      name: "ValidationException",
      message: "The request was rejected because the training job is in status Stopped.",
    });
  });

  test("by its time limit says MaxRuntimeExceeded", async () => {
    const name = await world.create({ StoppingCondition: { MaxRuntimeInSeconds: 1 } });
    const job = await world.until(name, "Stopped");
    expect(job.SecondaryStatus).toBe("MaxRuntimeExceeded");
  });
});

test("a job whose bucket is deleted while it runs fails and says so", async () => {
  const { objects } = world.server.platform;
  await objects.buckets.create("brief", { owner: "111122223333", region: "us-west-2", settings: {} });
  const name = await world.create({ OutputDataConfig: { S3OutputPath: "s3://brief/out" } });
  const run = await untilRunning(name);
  await objects.buckets.remove("brief");
  world.engine.exit(run, 0);
  const job = await world.until(name, "Completed", "Failed");
  expect(job.FailureReason).toBe("ClientError: Artifact upload failed:The specified bucket does not exist");
});

test("more jobs than the host takes wait their turn", async () => {
  const names: string[] = [];
  for (let i = 0; i < 5; i++) names.push(await world.create());
  const runningJobs = () => world.engine.running.map(({ spec }) => spec.environment["TRAINING_JOB_NAME"]);
  await expect.poll(() => runningJobs().length).toBe(4);
  const waiting = names.find((name) => !runningJobs().includes(name)) as string;
  const { SecondaryStatusTransitions } = await world.until(waiting, "InProgress");
  expect(SecondaryStatusTransitions?.at(-1)).toMatchObject({
    Status: "Starting",
    StatusMessage: "Waiting for room: 4 instances run on this machine, of at most 4 at once",
  });
  for (const { id } of world.engine.running) world.engine.exit(id, 0);
  world.engine.exit(await untilRunning(waiting), 0);
  for (const name of names) await world.until(name, "Completed");
});

test("a job whose run is lost starts again from its inputs and says so", async () => {
  const name = await world.create();
  const first = await untilRunning(name);
  world.engine.lose(first);
  await expect.poll(() => world.engine.running.some(({ id }) => id !== first)).toBe(true);
  const again = world.engine.running.find(({ id }) => id !== first);
  expect(again?.id).toBe(first.replace(/-1-1$/, "-2-1"));
  world.engine.exit(again?.id as string, 0);
  const job = await world.until(name, "Completed");
  expect(job.SecondaryStatusTransitions?.map(({ StatusMessage }) => StatusMessage)).toContain(
    "The host restarted. Starting again from the inputs.",
  );
});

test("checkpoints go both ways", async () => {
  const { objects } = world.server.platform;
  await objects.put(
    "data",
    "ckpt/old",
    (async function* () {
      yield Buffer.from("from before");
    })(),
  );
  let seen = "";
  world.engine.algorithm = async (run, engine) => {
    const { readFile } = await import("node:fs/promises");
    seen = await readFile(join(run.spec.mlDirectory, "checkpoints/old"), "utf8");
    await writeFile(join(run.spec.mlDirectory, "checkpoints/new"), "from now");
    engine.exit(run.id, 0);
  };
  await world.until(await world.create({ CheckpointConfig: { S3Uri: "s3://data/ckpt" } }), "Completed");
  expect(seen).toBe("from before");
  expect(await exists("ckpt/new")).toBe(true);
});

describe("requests that are refused at once", () => {
  test.for<[string, object, RegExp]>([
    [
      "an empty input",
      { InputDataConfig: [channel("s3://data/nothing/")] },
      /^No S3 objects found under S3 URL "s3:\/\/data\/nothing\/" given in input data source\. Please ensure that the bucket exists in the selected region \(us-west-2\), that objects exist under that S3 prefix, and that the role "arn:aws:iam::111122223333:role\/SagebrushExecutionRole" has "s3:ListBucket" permissions on bucket "data"\.$/,
    ],
    ["an input bucket that is not there", { InputDataConfig: [channel("s3://missing/x")] }, /^No S3 objects found/],
    ["an output bucket that is not there", { OutputDataConfig: { S3OutputPath: "s3://missing/x" } }, /bucket missing/],
    ["a role that is not there", { RoleArn: roleArn.replace("Sagebrush", "Missing") }, /^Could not assume role/],
    [
      "an unknown image",
      { AlgorithmSpecification: { TrainingImage: "nginx:latest", TrainingInputMode: "File" } },
      /cannot be run/,
    ],
    [
      "two channels of one name",
      { InputDataConfig: [channel("s3://data/train"), channel("s3://data/train")] },
      /Duplicate/,
    ],
    [
      "checkpoints outside of /opt/ml",
      { CheckpointConfig: { S3Uri: "s3://data/c", LocalPath: "/etc/x" } },
      /LocalPath/,
    ],
    [
      "a channel that is no folder",
      { InputDataConfig: [{ ...channel("s3://data/train"), ChannelName: ".." }] },
      /folder/,
    ],
    [
      "an output path without room for keys",
      { OutputDataConfig: { S3OutputPath: `s3://data/${"k".repeat(1010)}` } },
      /1024/,
    ],
    [
      "a variable that no process can have",
      { Environment: { A: "a\0--bind\0/\0/host" } },
      /^Environment\.A must not hold a NUL character\.$/,
    ],
  ])("%s", async ([, changes, message]) => {
    const sent = world.sagemaker.send(new CreateTrainingJobCommand(trainingJob(changes)));
    await expect(sent).rejects.toMatchObject({ name: "ValidationException", message: expect.stringMatching(message) });
  });

  test("a taken name is ResourceInUse", async () => {
    world.engine.algorithm = (run, engine) => engine.exit(run.id, 0);
    const name = await world.create();
    const second = world.sagemaker.send(new CreateTrainingJobCommand(trainingJob({ TrainingJobName: name })));
    await expect(second).rejects.toMatchObject({ name: "ResourceInUse", $metadata: { httpStatusCode: 400 } });
    await world.until(name, "Completed");
  });
});

describe("jobs as resources", () => {
  test("lists page through every job once, filtered and in order", async () => {
    world.engine.algorithm = (run, engine) => engine.exit(run.id, 0);
    const names: string[] = [];
    for (const suffix of ["a", "b", "c"]) names.push(await world.create({ TrainingJobName: `paged-${suffix}` }));
    const seen: (string | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const page = await world.sagemaker.send(
        new ListTrainingJobsCommand({ NameContains: "paged", MaxResults: 1, SortBy: "Name", NextToken }),
      );
      seen.push(...(page.TrainingJobSummaries ?? []).map(({ TrainingJobName }) => TrainingJobName));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(seen).toEqual(names);
    for (const name of names) await world.until(name, "Completed");
  });

  test("tags live as long as the job", async () => {
    world.engine.algorithm = (run, engine) => engine.exit(run.id, 0);
    const name = await world.create({ Tags: [{ Key: "team", Value: "a" }] });
    const { TrainingJobArn: ResourceArn } = await world.until(name, "Completed");
    const tags = () => world.sagemaker.send(new ListTagsCommand({ ResourceArn }));
    expect((await tags()).Tags).toEqual([{ Key: "team", Value: "a" }]);
    await world.sagemaker.send(new DeleteTrainingJobCommand({ TrainingJobName: name }));
    await expect(tags()).rejects.toMatchObject({ name: "ValidationException" });
    await world.create({ TrainingJobName: name });
    expect((await tags()).Tags).toEqual([]);
  });

  test("a job that is not there is a ValidationException", async () => {
    const sent = world.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: "nobody" }));
    await expect(sent).rejects.toMatchObject({ name: "ValidationException", message: "Requested resource not found." });
  });
});

function channel(uri: string) {
  return {
    ChannelName: "train",
    DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: uri } },
  };
}

/** The id of a job's run, once it runs. */
async function untilRunning(name: string): Promise<string> {
  await expect
    .poll(() => world.engine.running.some(({ spec }) => spec.environment["TRAINING_JOB_NAME"] === name))
    .toBe(true);
  return world.engine.running.find(({ spec }) => spec.environment["TRAINING_JOB_NAME"] === name)?.id as string;
}
