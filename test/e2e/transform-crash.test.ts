import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { CreateModelCommand, CreateTransformJobCommand, DescribeTransformJobCommand } from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { linearModelArchive } from "../../bench/support/linear-model.ts";
import { clients } from "../conformance/clients.ts";
import { type RunningServer, startServer } from "../conformance/server.ts";

const objects = 60;
const rowsPerObject = 4_000;
const kills = 4;

test("a transform job whose server is killed again and again goes on behind the last finished object", {
  timeout: 180_000,
}, async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "sagebrush-test-"));
  let server = await startServer({ dataDirectory });
  try {
    await createJob(server);
    for (let kill = 1; kill <= kills; kill++) {
      // Some objects further each time.
      const wanted = (kill * objects) / (kills + 2);
      await expect
        .poll(() => stored(server).then(({ size }) => size), { timeout: 60_000, interval: 20 })
        .toBeGreaterThan(wanted);
      process.kill(server.pid, "SIGKILL");
      server = await startServer({ dataDirectory });
    }
    const describe = () =>
      clients(server).sagemaker.send(new DescribeTransformJobCommand({ TransformJobName: "Killed" }));
    await expect
      .poll(async () => (await describe()).TransformJobStatus, { timeout: 120_000, interval: 100 })
      .toMatch(/Completed|Failed/);
    expect((await describe()).FailureReason).toBeUndefined();
    const outputs = await stored(server);
    expect(outputs.size).toBe(objects);
    // No object was stored a second time, neither one whose output was stored the moment before a kill.
    expect([...outputs.values()].filter((count) => count !== 1)).toEqual([]);
    const { s3 } = clients(server);
    for (const key of outputs.keys()) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: "out", Key: key }));
      expect((await Body?.transformToString())?.split("\n")).toHaveLength(rowsPerObject + 1);
    }
  } finally {
    await server.stop();
  }
});

/** The outputs by key, and how often each was stored. */
async function stored(server: RunningServer): Promise<Map<string, number>> {
  const { Versions = [] } = await clients(server).s3.send(new ListObjectVersionsCommand({ Bucket: "out" }));
  const counts = new Map<string, number>();
  for (const { Key = "" } of Versions) counts.set(Key, (counts.get(Key) ?? 0) + 1);
  return counts;
}

async function createJob(server: RunningServer): Promise<void> {
  const { s3, sagemaker } = clients(server);
  await s3.send(new CreateBucketCommand({ Bucket: "data" }));
  await s3.send(new CreateBucketCommand({ Bucket: "out" }));
  await s3.send(new PutBucketVersioningCommand({ Bucket: "out", VersioningConfiguration: { Status: "Enabled" } }));
  await s3.send(new PutObjectCommand({ Bucket: "data", Key: "model.tar.gz", Body: await linearModelArchive(20) }));
  const rows = `${Array.from({ length: 20 }, (_, i) => i / 7).join(",")}\n`.repeat(rowsPerObject);
  for (let i = 0; i < objects; i++) {
    await s3.send(new PutObjectCommand({ Bucket: "data", Key: `rows/${i}.csv`, Body: rows }));
  }
  await sagemaker.send(
    new CreateModelCommand({
      ModelName: "lines",
      ExecutionRoleArn: "arn:aws:iam::000000000000:role/SagebrushExecutionRole",
      PrimaryContainer: { Image: "linear-learner", ModelDataUrl: "s3://data/model.tar.gz" },
    }),
  );
  await sagemaker.send(
    new CreateTransformJobCommand({
      TransformJobName: "Killed",
      ModelName: "lines",
      BatchStrategy: "MultiRecord",
      TransformInput: {
        DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/rows/" } },
        ContentType: "text/csv",
        SplitType: "Line",
      },
      TransformOutput: { S3OutputPath: "s3://out/answers", Accept: "text/csv", AssembleWith: "Line" },
      TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1 },
    }),
  );
}
