import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { FeedChannel } from "../packages/server/src/services/sagemaker/training-job/feeder/feed-plan.ts";
import { Feeder } from "../packages/server/src/services/sagemaker/training-job/feeder/feeder.ts";
import { startPlatform } from "./support/platform.ts";
import { type Figure, median, report } from "./support/report.ts";
import { SignedClient } from "./support/signed-client.ts";

/**
 * Input channels: how fast a Pipe channel flows beside `cat` of the same files through a FIFO of the same kind, and how much
 * later a job starts when its channel is large (`--gib 10`, the size of that channel;
 * `--gib 0` leaves starts out).
 */
const { values } = parseArgs({ options: { gib: { type: "string", default: "10" } } });
const channelGib = Number(values.gib);
const MiB = 2 ** 20;
const rounds = 5;
/** The two shapes of a channel: one large object, and many small ones. */
const shapes = [
  { name: "one object of 1 GiB", objects: 1, bytes: 1024 * MiB, must: ">= 0.8" },
  { name: "4,096 objects of 64 KiB", objects: 4096, bytes: 64 * 1024, must: ">= 0.8" },
];

const folder = mkdtempSync(join(tmpdir(), "sagebrush-training-pipe-"));
const figures: Figure[] = [];
try {
  for (const shape of shapes) figures.push(...(await throughput(shape)));
  if (channelGib > 0) figures.push(...(await starts()));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report("training-pipe", figures);

async function throughput({ name, objects, bytes, must }: (typeof shapes)[number]): Promise<Figure[]> {
  const root = mkdtempSync(join(folder, "flow-"));
  const files = Array.from({ length: objects }, (_, i) => join(root, String(i)));
  const content = Buffer.alloc(Math.min(bytes, 64 * MiB), "0.25,1,2,3\n");
  for (const file of files) {
    for (let at = 0; at < bytes; at += content.length) writeFileSync(file, content, { flag: "a" });
  }
  const feeder = new Feeder(join(root, "feeder"));
  const data = join(root, "data");
  mkdirSync(data);
  await feeder.start(async () => {
    const units = files.map((file) => `${JSON.stringify([{ file, sizeBytes: bytes, uri: file }])}\n`);
    writeFileSync(join(feeder.folder, "units"), units.join(""));
    const form = { share: { index: 0, count: 1 }, gzip: false, recordIo: false };
    const channel: FeedChannel = { name: "train", units: "units", ...form };
    return { directory: data, channels: [channel] };
  });
  const total = (objects * bytes) / MiB;
  const ours: number[] = [];
  const theirs: number[] = [];
  try {
    // In turn, so that whatever else the machine does falls on both. The first round warms the page cache.
    for (let round = 0; round <= rounds; round++) {
      const pipe = total / (await drained(join(data, `train_${round}`)));
      const cat = total / (await drainedFromCat(files, join(root, "fifo")));
      if (round === 0) continue;
      ours.push(pipe);
      theirs.push(cat);
    }
  } finally {
    await feeder.end();
    rmSync(root, { recursive: true, force: true });
  }
  return [
    { what: `Pipe channel, ${name}`, value: median(ours), unit: "MiB/s" },
    { what: `cat through a FIFO, ${name}`, value: median(theirs), unit: "MiB/s" },
    { what: `Pipe channel beside cat, ${name}`, value: median(ours) / median(theirs), unit: "times", must },
  ];
}

/** Seconds that one reader needs for a FIFO, once it is there. */
async function drained(fifo: string): Promise<number> {
  while (!existsSync(fifo)) await new Promise((resolve) => setTimeout(resolve, 1));
  const began = performance.now();
  await ended(spawn("sh", ["-c", 'exec cat "$1" > /dev/null', "sh", fifo], { stdio: "ignore" }));
  return (performance.now() - began) / 1000;
}

async function drainedFromCat(files: readonly string[], fifo: string): Promise<number> {
  await ended(spawn("mkfifo", [fifo]));
  const writer = spawn("sh", ["-c", 'to="$1"; shift; exec cat "$@" > "$to"', "sh", fifo, ...files], {
    stdio: "ignore",
  });
  const seconds = await drained(fifo);
  await ended(writer);
  rmSync(fifo);
  return seconds;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${child.spawnargs.slice(0, 3).join(" ")} ended with ${code}`);
}

/** How much later jobs start with a large channel than with a small one, in each mode. */
async function starts(): Promise<Figure[]> {
  const dataDirectory = join(folder, "platform");
  const platform = await startPlatform(dataDirectory);
  const options = { url: platform.url, credentials: platform.credentials, region: "us-east-1" };
  const sagemaker = new SignedClient({ ...options, service: "sagemaker" });
  const logs = new SignedClient({ ...options, service: "logs" });
  try {
    await upload(platform);
    const found: Figure[] = [];
    await start("first", "small", "File");
    for (const mode of ["File", "FastFile", "Pipe"]) {
      const small: number[] = [];
      const large: number[] = [];
      for (let round = 0; round < rounds; round++) {
        small.push(await start(`small-${mode}-${round}`, "small", mode));
        large.push(await start(`large-${mode}-${round}`, "large", mode));
      }
      found.push(
        { what: `CreateTrainingJob to first line, ${mode}`, value: median(small), unit: "s" },
        {
          what: `start later with a channel of ${channelGib} GiB, ${mode}`,
          value: median(large) - median(small),
          unit: "s",
          must: "<= 1",
        },
      );
    }
    return found;
  } finally {
    sagemaker.close();
    logs.close();
    await platform.stop();
  }

  /** Seconds from sending CreateTrainingJob to the algorithm's first line, by its supervisor's clock. */
  async function start(name: string, prefix: string, mode: string): Promise<number> {
    const sent = Date.now();
    await call(sagemaker, "SageMaker.CreateTrainingJob", request(name, prefix, mode));
    const at = await firstLine(name);
    await call(sagemaker, "SageMaker.StopTrainingJob", { TrainingJobName: name });
    for (;;) {
      const job = await call<{ TrainingJobStatus: string }>(sagemaker, "SageMaker.DescribeTrainingJob", {
        TrainingJobName: name,
      });
      if (!["InProgress", "Stopping"].includes(job.TrainingJobStatus)) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return (at - sent) / 1000;
  }

  /** Waits for the first line that is not the platform's own. @returns Its time, in milliseconds since 1970. */
  async function firstLine(name: string): Promise<number> {
    const logGroupName = "/aws/sagemaker/TrainingJobs";
    for (;;) {
      const described = await logs.json("Logs_20140328.DescribeLogStreams", {
        logGroupName,
        logStreamNamePrefix: `${name}/`,
      });
      const stream = (JSON.parse(described.body) as { logStreams?: { logStreamName: string }[] }).logStreams?.[0];
      const { events = [] } = stream
        ? await call<{ events?: { timestamp: number; message: string }[] }>(logs, "Logs_20140328.GetLogEvents", {
            logGroupName,
            logStreamName: stream.logStreamName,
            startFromHead: true,
          })
        : {};
      const first = events.find(({ message }) => !message.startsWith("[sagebrush]"));
      if (first) return first.timestamp;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function request(name: string, prefix: string, TrainingInputMode: string) {
  return {
    TrainingJobName: name,
    RoleArn: "arn:aws:iam::000000000000:role/SagebrushExecutionRole",
    AlgorithmSpecification: { TrainingImage: "linear-learner:1", TrainingInputMode },
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

async function upload({ url, credentials }: Awaited<ReturnType<typeof startPlatform>>): Promise<void> {
  const s3 = new S3Client({
    ...{ endpoint: url, region: "us-east-1", credentials, forcePathStyle: true },
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
  await s3.send(new CreateBucketCommand({ Bucket: "bench-data" }));
  await s3.send(new PutObjectCommand({ Bucket: "bench-data", Key: "small/rows.csv", Body: "1,2,3\n".repeat(1000) }));
  const at = { Bucket: "bench-data", Key: "large/rows.csv" };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at));
  const body = Buffer.alloc(256 * MiB, "1,2,3\n");
  const parts: { PartNumber: number; ETag: string | undefined }[] = [];
  for (let PartNumber = 1; PartNumber <= channelGib * 4; PartNumber++) {
    const { ETag } = await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body: body }));
    parts.push({ PartNumber, ETag });
  }
  await s3.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: parts } }));
  s3.destroy();
}

async function call<Output>(client: SignedClient, target: string, input: object): Promise<Output> {
  const { status, body } = await client.json(target, input);
  if (status !== 200) throw new Error(`${target} answered ${status}: ${body}`);
  // StopTrainingJob has nothing to say.
  return (body === "" ? undefined : JSON.parse(body)) as Output;
}
