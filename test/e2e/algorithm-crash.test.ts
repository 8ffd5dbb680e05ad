import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { CreateAlgorithmCommand, DescribeAlgorithmCommand, ListTrainingJobsCommand } from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { clients } from "../conformance/clients.ts";
import { type RunningServer, startServer } from "../conformance/server.ts";

const rows = Array.from({ length: 400 }, (_, i) => `${i % 2},${i % 2 ? 1 : -1},${(i % 7) / 7}`).join("\n");
const role = "arn:aws:iam::000000000000:role/SagebrushExecutionRole";

test("an algorithm whose server is killed again and again while it is validated is Completed by one training job", {
  timeout: 120_000,
}, async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "sagebrush-test-"));
  let server = await startServer({ dataDirectory });
  try {
    await createAlgorithm(server);
    for (let kills = 0; kills < 3; kills++) {
      process.kill(server.pid, "SIGKILL");
      server = await startServer({ dataDirectory });
    }
    const { sagemaker } = clients(server);
    const status = async () =>
      (await sagemaker.send(new DescribeAlgorithmCommand({ AlgorithmName: "Killed" }))).AlgorithmStatus;
    await expect.poll(status, { timeout: 60_000, interval: 100 }).toMatch(/Completed|Failed/);
    expect(await status()).toBe("Completed");
    const listed = await sagemaker.send(new ListTrainingJobsCommand({}));
    expect(listed.TrainingJobSummaries).toMatchObject([{ TrainingJobStatus: "Completed" }]);
  } finally {
    await server.stop();
  }
});

async function createAlgorithm(server: RunningServer): Promise<void> {
  const { s3, sagemaker } = clients(server);
  await s3.send(new CreateBucketCommand({ Bucket: "data" }));
  await s3.send(new PutObjectCommand({ Bucket: "data", Key: "train/a.csv", Body: rows }));
  const S3DataSource = { S3DataType: "S3Prefix" as const, S3Uri: "s3://data/train/" };
  await sagemaker.send(
    new CreateAlgorithmCommand({
      AlgorithmName: "Killed",
      TrainingSpecification: {
        TrainingImage: "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1",
        SupportedTrainingInstanceTypes: ["ml.m5.large"],
        SupportedHyperParameters: [
          { Name: "predictor_type", Type: "FreeText", DefaultValue: "binary_classifier" },
          { Name: "mini_batch_size", Type: "Integer", DefaultValue: "10" },
        ],
        TrainingChannels: [{ Name: "train", SupportedInputModes: ["File"], SupportedContentTypes: ["text/csv"] }],
      },
      ValidationSpecification: {
        ValidationRole: role,
        ValidationProfiles: [
          {
            ProfileName: "small",
            TrainingJobDefinition: {
              TrainingInputMode: "File",
              InputDataConfig: [{ ChannelName: "train", ContentType: "text/csv", DataSource: { S3DataSource } }],
              OutputDataConfig: { S3OutputPath: "s3://data/out" },
              ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
              StoppingCondition: { MaxRuntimeInSeconds: 600 },
            },
          },
        ],
      },
    }),
  );
}
