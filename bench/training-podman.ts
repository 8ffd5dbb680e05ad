import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { PodmanService, podmanLimits } from "../packages/server/src/engines/docker/testkit/podman-service.ts";
import { startPlatform } from "./support/platform.ts";
import { median, quantile, report } from "./support/report.ts";
import { SignedClient } from "./support/signed-client.ts";

/**
 * A training job in a container of Podman whose image is present: from sending CreateTrainingJob to the first line that
 * the image's program prints, by the program's own clock, beside a bare `podman run` of the same image, from starting
 * the command to that line. The two take turns.
 */
const rounds = 10;
const region = "us-east-1";
const account = "000000000000";
const image = "localhost/bench";
const logGroupName = "/aws/sagemaker/TrainingJobs";
/** Prints seconds since the machine was started, to the hundredth: busybox knows no finer time of day. */
const script = "cat /proc/uptime";

const dataDirectory = mkdtempSync(join(tmpdir(), "sagebrush-training-podman-"));
const podman = await PodmanService.open();
const jobs: number[] = [];
const bare: number[] = [];
try {
  await podman.baseImage(image);
  const limits = podmanLimits.flatMap(({ name, soft, hard }) => ["--docker-ulimit", `${name}=${soft}:${hard}`]);
  const platform = await startPlatform(dataDirectory, 0, [
    ...["--engine", "docker", "--docker-host", `unix://${podman.socketPath}`],
    ...limits,
  ]);
  const options = { url: platform.url, credentials: platform.credentials, region };
  const sagemaker = new SignedClient({ ...options, service: "sagemaker" });
  const logs = new SignedClient({ ...options, service: "logs" });
  try {
    await upload(platform.url, platform.credentials);
    // The first of each loads what is loaded on demand; they are not measured.
    await job(sagemaker, logs, "first");
    bareRun();
    for (let round = 0; round < rounds; round++) {
      jobs.push(await job(sagemaker, logs, `round-${round}`));
      bare.push(bareRun());
    }
  } finally {
    sagemaker.close();
    logs.close();
    await platform.stop();
  }
} finally {
  await podman.close();
  rmSync(dataDirectory, { recursive: true, force: true });
}
report("training-podman", [
  { what: "CreateTrainingJob sent to first line of user code, median", value: median(jobs), unit: "s", must: "<= 3" },
  { what: "the same, 90 of 100", value: quantile(jobs, 0.9), unit: "s" },
  { what: "bare podman run to first line, median", value: median(bare), unit: "s" },
  {
    what: "job over bare podman run",
    value: median(jobs) / median(bare),
    unit: "",
    reference: "podman run of the same image and command",
    must: "<= 1.3",
  },
]);

/** Seconds since the machine was started, which containers see too. */
function uptime(): number {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
}

/** @returns Seconds from sending the request to the first line. */
async function job(sagemaker: SignedClient, logs: SignedClient, name: string): Promise<number> {
  const sent = uptime();
  await call(sagemaker, "SageMaker.CreateTrainingJob", {
    TrainingJobName: name,
    RoleArn: `arn:aws:iam::${account}:role/SagebrushExecutionRole`,
    AlgorithmSpecification: {
      TrainingImage: image,
      TrainingInputMode: "File",
      ContainerEntrypoint: ["/bin/sh", "-c", script],
    },
    InputDataConfig: [
      {
        ChannelName: "train",
        DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://bench-data/few/" } },
      },
    ],
    OutputDataConfig: { S3OutputPath: "s3://bench-data/out" },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 10 },
    StoppingCondition: { MaxRuntimeInSeconds: 600 },
  });
  await untilEnded(sagemaker, name);
  return (await firstLine(logs, name)) - sent;
}

/** @returns Seconds from starting the command to the first line. */
function bareRun(): number {
  const began = uptime();
  const line = podman.run(["--network", "none", "--init", "--memory", "8g", image, "/bin/sh", "-c", script]);
  return Number(line.split(" ")[0]) - began;
}

async function upload(
  endpoint: string,
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
): Promise<void> {
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: "bench-data" }));
  await s3.send(new PutObjectCommand({ Bucket: "bench-data", Key: "few/rows.csv", Body: "1,2,3\n".repeat(1000) }));
  s3.destroy();
}

async function call<Output>(client: SignedClient, target: string, input: object): Promise<Output> {
  const { status, body } = await client.json(target, input);
  if (status !== 200) throw new Error(`${target} answered ${status}: ${body}`);
  return JSON.parse(body) as Output;
}

async function untilEnded(sagemaker: SignedClient, name: string): Promise<void> {
  for (;;) {
    const found = await call<{ TrainingJobStatus: string; FailureReason?: string }>(
      sagemaker,
      "SageMaker.DescribeTrainingJob",
      { TrainingJobName: name },
    );
    if (found.TrainingJobStatus === "Completed") return;
    if (found.TrainingJobStatus !== "InProgress") throw new Error(`${name}: ${found.FailureReason}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What the job's program printed first: seconds since the machine was started. */
async function firstLine(logs: SignedClient, name: string): Promise<number> {
  const { logStreams } = await call<{ logStreams: { logStreamName: string }[] }>(
    logs,
    "Logs_20140328.DescribeLogStreams",
    { logGroupName, logStreamNamePrefix: `${name}/` },
  );
  const { events } = await call<{ events: { message: string }[] }>(logs, "Logs_20140328.GetLogEvents", {
    logGroupName,
    logStreamName: logStreams[0]?.logStreamName,
    startFromHead: true,
  });
  const first = events.find(({ message }) => !message.startsWith("[sagebrush]"));
  if (!first) throw new Error(`${name} logged nothing`);
  return Number(first.message.split(" ")[0]);
}
