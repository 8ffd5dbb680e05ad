import { existsSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { gunzipSync, gzipSync } from "node:zlib";
import { CloudWatchLogsClient, DescribeLogStreamsCommand, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { type Channel, type CreateTrainingJobCommandInput, StopTrainingJobCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine } from "../../../engines/engine.ts";
import { openEngine } from "../../../engines/open-engine.ts";
import { silentLog } from "../../../log.ts";
import { bytes, type JobServer, startJobServerOn } from "./testkit/job-server.ts";

const bundle = new URL("../../../../../algorithms/.build/sagebrush-algorithm.mjs", import.meta.url);

async function* chunk(body: Buffer): AsyncGenerator<Uint8Array> {
  yield body;
}

/** Rows of `label,x,y` on a plane. */
function plane(rows: number): string {
  return Array.from({ length: rows }, (_, i) => {
    const [x, y] = [(i * 37) % 101, (i * 53) % 97];
    return `${3 * x - 2 * y + 1},${x},${y}\n`;
  }).join("");
}

// Made by `npm run setup`, which `npm test` runs first.
describe.skipIf(!existsSync(bundle)).for(["auto", "process"] as const)("linear-learner on the %s engine", (kind) => {
  let world: JobServer<Engine>;
  beforeAll(async () => {
    world = await startJobServerOn((directory) => openEngine({ directory, kind, log: silentLog }));
    await world.server.platform.objects.put("data", "plane/rows.csv", bytes(plane(2000)));
  });
  afterAll(() => world.close());

  const input = (uri = "s3://data/plane") => ({
    InputDataConfig: [
      {
        ChannelName: "train",
        ContentType: "text/csv",
        DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: uri } },
      },
    ],
  });

  async function logOf(name: string): Promise<string[]> {
    const logs = new CloudWatchLogsClient(world.server.client);
    const logGroupName = "/aws/sagemaker/TrainingJobs";
    const { logStreams } = await logs.send(
      new DescribeLogStreamsCommand({ logGroupName, logStreamNamePrefix: `${name}/` }),
    );
    const { events } = await logs.send(
      new GetLogEventsCommand({
        logGroupName,
        logStreamName: logStreams?.[0]?.logStreamName as string,
        startFromHead: true,
      }),
    );
    return (events ?? []).map(({ message }) => message as string);
  }

  test("trains, logs and leaves a model", async () => {
    const name = await world.create({
      AlgorithmSpecification: {
        TrainingImage: "174872318107.dkr.ecr.us-west-2.amazonaws.com/linear-learner:1",
        TrainingInputMode: "File",
      },
      HyperParameters: { predictor_type: "regressor", mini_batch_size: "100", epochs: "3" },
      ResourceConfig: { InstanceType: "ml.c5.9xlarge", InstanceCount: 1, VolumeSizeInGB: 10 },
      ...input(),
    });
    const job = await world.until(name, "Completed", "Failed");
    expect(job.FailureReason).toBeUndefined();
    expect(job.FinalMetricDataList?.map(({ MetricName }) => MetricName)).toContain("train:objective_loss");
    const model = await world.server.platform.objects.read("data", `out/${name}/output/model.tar.gz`);
    expect(
      gunzipSync(await buffer(model))
        .subarray(257, 262)
        .toString(),
    ).toBe("ustar");
    const log = await logOf(name);
    expect(log[0]).toMatch(/^\[sagebrush\] ml\.c5\.9xlarge means 36 vCPU and 72 GiB/);
    expect(log.some((line) => line.includes("#quality_metric: host=algo-1, epoch=0, train"))).toBe(true);
    await expect.poll(() => world.engine.list()).toEqual([]);
  });

  test("fails with the algorithm's own words for a bad hyperparameter", async () => {
    const name = await world.create({ HyperParameters: { predictor_type: "oracle" }, ...input() });
    const job = await world.until(name, "Completed", "Failed");
    expect(job.FailureReason).toMatch(/^AlgorithmError: .*oracle.*, exit code: \d+$/s);
  });

  test("reads a FastFile channel, and checkpoints come back to S3", async () => {
    const name = await world.create({
      AlgorithmSpecification: { TrainingImage: "linear-learner", TrainingInputMode: "FastFile" },
      HyperParameters: { predictor_type: "regressor", mini_batch_size: "100", epochs: "2" },
      CheckpointConfig: { S3Uri: "s3://data/checkpoints" },
      ...input(),
    });
    const job = await world.until(name, "Completed", "Failed");
    expect(job.FailureReason).toBeUndefined();
    const kept: string[] = [];
    for await (const { key } of world.server.platform.objects.list("data", "checkpoints/")) kept.push(key);
    expect(kept).not.toEqual([]);
  });

  test("learns the same from files and from Pipe channels, compressed ones too", async () => {
    const packed = gzipSync(plane(2000));
    await world.server.platform.objects.put("data", "packed/rows.csv.gz", chunk(packed));
    const losses = async (...InputDataConfig: NonNullable<CreateTrainingJobCommandInput["InputDataConfig"]>) => {
      const name = await world.create({
        HyperParameters: { predictor_type: "regressor", mini_batch_size: "100", epochs: "2", num_models: "1" },
        InputDataConfig,
      });
      const job = await world.until(name, "Completed", "Failed");
      expect(job.FailureReason).toBeUndefined();
      const found = job.FinalMetricDataList?.filter(({ MetricName }) => MetricName?.includes("objective_loss"));
      return found?.map(({ MetricName, Value }) => [MetricName, Value]);
    };
    const [file] = input().InputDataConfig as [Channel];
    const [gzip] = input("s3://data/packed/").InputDataConfig as [Channel];
    const validation = { ...file, ChannelName: "validation" };
    const fromFiles = await losses(file, validation);
    expect(fromFiles?.length).toBeGreaterThanOrEqual(2);
    expect(
      await losses(
        { ...gzip, InputMode: "Pipe", CompressionType: "Gzip", ShuffleConfig: { Seed: 7 } },
        { ...validation, InputMode: "Pipe" },
      ),
    ).toEqual(fromFiles);
  });

  test("stops in the middle and keeps what it has", async () => {
    const name = await world.create({
      HyperParameters: {
        predictor_type: "regressor",
        mini_batch_size: "1",
        epochs: "100000",
        early_stopping_patience: "100000",
      },
      ...input(),
    });
    await expect
      .poll(() => logOf(name).then((lines) => lines.some((line) => line.includes("epoch=1,"))), { timeout: 20_000 })
      .toBe(true);
    await world.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: name }));
    const job = await world.until(name, "Stopped", "Completed", "Failed");
    expect(job.TrainingJobStatus).toBe("Stopped");
    expect(await world.server.platform.objects.head("data", `out/${name}/output/model.tar.gz`)).toBeDefined();
  });
});
