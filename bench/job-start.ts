import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { startPlatform } from "./support/platform.ts";
import { median, quantile, report } from "./support/report.ts";
import { SignedClient } from "./support/signed-client.ts";

/**
 * Job start: from sending CreateTrainingJob to the first line that the algorithm writes, by the time that its
 * supervisor gave the line. One job after the other on an idle server; each trains a small linear model to its end.
 */
const rounds = 20;
/** A channel of this many objects may delay the start by half a second. */
const manyObjects = 10_000;
const manyRounds = 5;
const region = "us-east-1";
const account = "000000000000";
const logGroupName = "/aws/sagemaker/TrainingJobs";
const dataDirectory = mkdtempSync(join(tmpdir(), "sagebrush-job-start-"));
const platform = await startPlatform(dataDirectory);
const options = { url: platform.url, credentials: platform.credentials, region };
const sagemaker = new SignedClient({ ...options, service: "sagemaker" });
const logs = new SignedClient({ ...options, service: "logs" });
const starts: number[] = [];
const totals: number[] = [];
const manyStarts: number[] = [];
try {
  await upload();
  // The first job loads what the server loads on demand; it is not measured.
  await measure("first", "few");
  for (let round = 0; round < rounds; round++) {
    const { start, total } = await measure(`few-${round}`, "few");
    starts.push(start);
    totals.push(total);
  }
  // The first one writes small objects out of the database, so it counts too.
  for (let round = 0; round < manyRounds; round++) manyStarts.push((await measure(`many-${round}`, "many")).start);
} finally {
  sagemaker.close();
  logs.close();
  await platform.stop();
  rmSync(dataDirectory, { recursive: true, force: true });
}
report("job-start", [
  {
    what: "CreateTrainingJob sent to first line of algorithm code, median",
    value: median(starts),
    unit: "s",
    must: "<= 0.3",
  },
  { what: "the same, 90 of 100", value: quantile(starts, 0.9), unit: "s" },
  { what: "CreateTrainingJob sent to Completed, median", value: median(totals), unit: "s" },
  {
    what: "start later with a channel of 10,000 objects, first job",
    value: (manyStarts[0] as number) - median(starts),
    unit: "s",
    must: "<= 0.5",
  },
  {
    what: "start later with a channel of 10,000 objects, median",
    value: median(manyStarts) - median(starts),
    unit: "s",
    must: "<= 0.5",
  },
]);

/** Seconds from sending the request to the first line and to the end. */
async function measure(name: string, prefix: string): Promise<{ readonly start: number; readonly total: number }> {
  const sent = Date.now();
  await call(sagemaker, "SageMaker.CreateTrainingJob", request(name, prefix));
  const ended = await untilEnded(name);
  return { start: ((await firstLine(name)) - sent) / 1000, total: (ended - sent) / 1000 };
}

function request(name: string, prefix: string) {
  return {
    TrainingJobName: name,
    RoleArn: `arn:aws:iam::${account}:role/SagebrushExecutionRole`,
    AlgorithmSpecification: { TrainingImage: "linear-learner:1", TrainingInputMode: "File" },
    HyperParameters: { predictor_type: "regressor", mini_batch_size: "100", epochs: "1" },
    InputDataConfig: [
      {
        ChannelName: "train",
        ContentType: "text/csv",
        DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: `s3://bench-data/${prefix}/` } },
      },
    ],
    OutputDataConfig: { S3OutputPath: "s3://bench-data/out" },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 10 },
    StoppingCondition: { MaxRuntimeInSeconds: 600 },
  };
}

async function upload(): Promise<void> {
  const s3 = new S3Client({ endpoint: platform.url, region, credentials: platform.credentials, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: "bench-data" }));
  const rows = Array.from({ length: 1000 }, (_, i) => `${i % 7},${i % 11},${i % 13}`).join("\n");
  await s3.send(new PutObjectCommand({ Bucket: "bench-data", Key: "few/rows.csv", Body: rows }));
  for (let at = 0; at < manyObjects; at += 100) {
    const keys = Array.from({ length: 100 }, (_, i) => `many/part=${Math.floor((at + i) / 500)}/file-${at + i}.csv`);
    await Promise.all(keys.map((Key) => s3.send(new PutObjectCommand({ Bucket: "bench-data", Key, Body: "1,2,3\n" }))));
  }
  s3.destroy();
}

async function call<Output>(client: SignedClient, target: string, input: object): Promise<Output> {
  const { status, body } = await client.json(target, input);
  if (status !== 200) throw new Error(`${target} answered ${status}: ${body}`);
  return JSON.parse(body) as Output;
}

/** When the job was seen to have ended, in milliseconds since 1970. */
async function untilEnded(name: string): Promise<number> {
  for (;;) {
    const job = await call<{ TrainingJobStatus: string; FailureReason?: string }>(
      sagemaker,
      "SageMaker.DescribeTrainingJob",
      { TrainingJobName: name },
    );
    if (job.TrainingJobStatus === "Completed") return Date.now();
    if (job.TrainingJobStatus !== "InProgress")
      throw new Error(`${name}: ${job.TrainingJobStatus}, ${job.FailureReason}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The time of the first line that is not the platform's own, in milliseconds since 1970. */
async function firstLine(name: string): Promise<number> {
  const { logStreams } = await call<{ logStreams: { logStreamName: string }[] }>(
    logs,
    "Logs_20140328.DescribeLogStreams",
    { logGroupName, logStreamNamePrefix: `${name}/` },
  );
  const { events } = await call<{ events: { timestamp: number; message: string }[] }>(
    logs,
    "Logs_20140328.GetLogEvents",
    { logGroupName, logStreamName: logStreams[0]?.logStreamName, startFromHead: true },
  );
  const first = events.find(({ message }) => !message.startsWith("[sagebrush]"));
  if (!first) throw new Error(`${name} logged nothing`);
  return first.timestamp;
}
