import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  CreateHyperParameterTuningJobCommand,
  DescribeHyperParameterTuningJobCommand,
  ListTrainingJobsCommand,
  ListTrainingJobsForHyperParameterTuningJobCommand,
} from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { clients } from "../conformance/clients.ts";
import { type RunningServer, startServer } from "../conformance/server.ts";

const rows = Array.from({ length: 400 }, (_, i) => `${i % 2},${i % 2 ? 1 : -1},${(i % 7) / 7}`).join("\n");
const trials = 8;

test("a tuning job whose server is killed again and again loses no training job and has none twice", {
  timeout: 240_000,
}, async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "sagebrush-test-"));
  let server = await startServer({ dataDirectory });
  try {
    await createTuningJob(server);
    const launched = async () => {
      const { TrainingJobStatusCounters: counters = {} } = await describe(server);
      return Object.values(counters).reduce((sum, count) => sum + count, 0);
    };
    for (let kills = 1; kills <= 3; kills++) {
      await expect.poll(launched, { timeout: 60_000, interval: 20 }).toBeGreaterThanOrEqual(2 * kills);
      process.kill(server.pid, "SIGKILL");
      server = await startServer({ dataDirectory });
    }
    const status = async () => (await describe(server)).HyperParameterTuningJobStatus;
    await expect.poll(status, { timeout: 120_000, interval: 100 }).toMatch(/Completed|Failed/);
    expect(await describe(server)).toMatchObject({
      HyperParameterTuningJobStatus: "Completed",
      TrainingJobStatusCounters: { Completed: trials, InProgress: 0 },
      ObjectiveStatusCounters: { Succeeded: trials },
    });
    const { sagemaker } = clients(server);
    const listed = await sagemaker.send(
      new ListTrainingJobsForHyperParameterTuningJobCommand({ HyperParameterTuningJobName: "Killed", MaxResults: 100 }),
    );
    const numbers = listed.TrainingJobSummaries?.map(({ TrainingJobName: name }) => Number(name?.split("-")[1]));
    expect(numbers).toEqual(Array.from({ length: trials }, (_, index) => index + 1));
    // Nobody else made training jobs here.
    const all = await sagemaker.send(new ListTrainingJobsCommand({ MaxResults: 100 }));
    expect(all.TrainingJobSummaries).toHaveLength(trials);
  } finally {
    await server.stop();
  }
});

function describe(server: RunningServer) {
  return clients(server).sagemaker.send(
    new DescribeHyperParameterTuningJobCommand({ HyperParameterTuningJobName: "Killed" }),
  );
}

async function createTuningJob(server: RunningServer): Promise<void> {
  const { s3, sagemaker } = clients(server);
  await s3.send(new CreateBucketCommand({ Bucket: "data" }));
  await s3.send(new PutObjectCommand({ Bucket: "data", Key: "train/a.csv", Body: rows }));
  const S3DataSource = { S3DataType: "S3Prefix" as const, S3Uri: "s3://data/train/" };
  await sagemaker.send(
    new CreateHyperParameterTuningJobCommand({
      HyperParameterTuningJobName: "Killed",
      HyperParameterTuningJobConfig: {
        Strategy: "Bayesian",
        HyperParameterTuningJobObjective: { Type: "Minimize", MetricName: "validation:objective_loss" },
        ResourceLimits: { MaxNumberOfTrainingJobs: trials, MaxParallelTrainingJobs: 2 },
        ParameterRanges: {
          ContinuousParameterRanges: [{ Name: "learning_rate", MinValue: "0.001", MaxValue: "0.5" }],
        },
      },
      TrainingJobDefinition: {
        AlgorithmSpecification: {
          TrainingImage: "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1",
          TrainingInputMode: "File",
        },
        StaticHyperParameters: { predictor_type: "binary_classifier", mini_batch_size: "10" },
        RoleArn: "arn:aws:iam::000000000000:role/SagebrushExecutionRole",
        InputDataConfig: ["train", "validation"].map((ChannelName) => ({
          ...{ ChannelName, ContentType: "text/csv", DataSource: { S3DataSource } },
        })),
        OutputDataConfig: { S3OutputPath: "s3://data/out" },
        ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
        StoppingCondition: { MaxRuntimeInSeconds: 600 },
      },
    }),
  );
}
