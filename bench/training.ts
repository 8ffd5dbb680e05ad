import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tarGzOf } from "../packages/server/src/serving/testkit/tar-builder.ts";
import { startPlatform } from "./support/platform.ts";
import { median, quantile, report } from "./support/report.ts";
import { SignedClient } from "./support/signed-client.ts";

/**
 * Training jobs with a user's own code: from sending CreateTrainingJob to the first line of a script, with an environment
 * that is there already; and 200 short jobs that are sent at once, with what they cost the server. Run it on an idle
 * machine: the machine's whole busy time counts as the total.
 */
const rounds = 20;
const shortJobs = 200;
/** USER_HZ, which Linux tells programs whatever its own clock. */
const ticksPerSecond = 100;
const account = "000000000000";
const image =
  process.env["SAGEBRUSH_BENCH_IMAGE"] ??
  "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3";
const logGroupName = "/aws/sagemaker/TrainingJobs";
const unsigned = { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };

const dataDirectory = mkdtempSync(join(tmpdir(), "sagebrush-training-"));
const environments = process.env["SAGEBRUSH_BENCH_ENVIRONMENTS"];
const platform = await startPlatform(dataDirectory, 0, environments ? ["--environments-dir", environments] : []);
const options = { url: platform.url, credentials: platform.credentials };
const sagemaker = new SignedClient({ ...options, service: "sagemaker" });
const logs = new SignedClient({ ...options, service: "logs" });
const s3 = new SignedClient({ ...options, service: "s3" });
try {
  await s3.send("PUT", "/bench-data", "", unsigned);
  await s3.send(
    "PUT",
    "/bench-data/sourcedir.tar.gz",
    tarGzOf([{ path: "train.py", content: "print('the first line')\n" }]),
    unsigned,
  );
  const rows = Array.from({ length: 1000 }, (_, i) => `${i % 7},${i % 11},${i % 13}`).join("\n");
  await s3.send("PUT", "/bench-data/train/rows.csv", rows, unsigned);

  // The first one makes the environment where it is missing, which is not measured.
  await firstLine("warm-up");
  const starts: number[] = [];
  for (let round = 0; round < rounds; round++) starts.push(await firstLine(`script-${round}`));
  const many = await manyAtOnce();
  report("training", [
    {
      what: "script mode, warm environment: CreateTrainingJob sent to first line, median",
      value: median(starts),
      unit: "s",
      must: "<= 0.7",
    },
    { what: "the same, 90 of 100", value: quantile(starts, 0.9), unit: "s" },
    {
      what: `${shortJobs} short jobs at once: jobs that ended right`,
      value: many.completed,
      unit: "jobs",
      must: `>= ${shortJobs}`,
    },
    { what: `${shortJobs} short jobs at once: all ended after`, value: many.seconds, unit: "s" },
    {
      // Hardly depends on what else the machine does.
      what: `${shortJobs} short jobs at once: the server's CPU time for each`,
      value: many.serverSeconds / shortJobs,
      unit: "s",
    },
    {
      what: `${shortJobs} short jobs at once: the server's share of all CPU time`,
      value: many.share,
      unit: "",
      reference: "the machine's busy time",
      must: "<= 0.2",
    },
  ]);
} finally {
  for (const client of [sagemaker, logs, s3]) client.close();
  await platform.stop();
  rmSync(dataDirectory, { recursive: true, force: true });
}

/** Seconds from sending the request to the script's first line, by the time that its supervisor gave the line. */
async function firstLine(name: string): Promise<number> {
  const sent = Date.now();
  await call(sagemaker, "SageMaker.CreateTrainingJob", {
    ...common(name, image),
    HyperParameters: {
      sagemaker_program: '"train.py"',
      sagemaker_submit_directory: '"s3://bench-data/sourcedir.tar.gz"',
      sagemaker_region: '"us-east-1"',
      sagemaker_job_name: JSON.stringify(name),
      sagemaker_container_log_level: "20",
    },
  });
  const { status, reason } = await untilEnded(name);
  if (status !== "Completed") throw new Error(`${name}: ${status}, ${reason}`);
  const streams = { logGroupName, logStreamNamePrefix: `${name}/` };
  const { logStreams } = await call<{ logStreams: { logStreamName: string }[] }>(
    logs,
    "Logs_20140328.DescribeLogStreams",
    streams,
  );
  const { events } = await call<{ events: { timestamp: number; message: string }[] }>(
    logs,
    "Logs_20140328.GetLogEvents",
    {
      logGroupName,
      logStreamName: logStreams[0]?.logStreamName,
      startFromHead: true,
    },
  );
  const first = events.find(({ message }) => message.includes("the first line"));
  if (!first) throw new Error(`${name} did not log its line`);
  return (first.timestamp - sent) / 1000;
}

/** Sends all jobs at once and waits for all. */
async function manyAtOnce() {
  const names = Array.from({ length: shortJobs }, (_, i) => `short-${i}`);
  const [server, machine, began] = [serverTicks(), machineTicks(), performance.now()];
  await Promise.all(
    names.map((name) =>
      call(sagemaker, "SageMaker.CreateTrainingJob", {
        ...common(name, "linear-learner:1"),
        HyperParameters: { predictor_type: "regressor", mini_batch_size: "100", epochs: "1" },
        InputDataConfig: [
          {
            ChannelName: "train",
            ContentType: "text/csv",
            DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://bench-data/train/" } },
          },
        ],
      }),
    ),
  );
  const going = { StatusEquals: "InProgress", NameContains: "short-", MaxResults: 1 };
  for (let page: { TrainingJobSummaries: unknown[] }; ; ) {
    // Seldom, so that asking costs the server next to nothing of what is measured.
    await new Promise((resolve) => setTimeout(resolve, 500));
    page = await call(sagemaker, "SageMaker.ListTrainingJobs", going);
    if (page.TrainingJobSummaries.length === 0) break;
  }
  const seconds = (performance.now() - began) / 1000;
  const ticks = serverTicks() - server;
  const share = ticks / (machineTicks() - machine);
  let completed = 0;
  for (const name of names) if ((await untilEnded(name)).status === "Completed") completed++;
  return { completed, seconds, share, serverSeconds: ticks / ticksPerSecond };
}

function common(name: string, trainingImage: string) {
  return {
    TrainingJobName: name,
    RoleArn: `arn:aws:iam::${account}:role/SagebrushExecutionRole`,
    AlgorithmSpecification: { TrainingImage: trainingImage, TrainingInputMode: "File" },
    OutputDataConfig: { S3OutputPath: "s3://bench-data/out" },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 10 },
    StoppingCondition: { MaxRuntimeInSeconds: 600 },
  };
}

async function call<Output>(client: SignedClient, target: string, input: object): Promise<Output> {
  const { status, body } = await client.json(target, input);
  if (status !== 200) throw new Error(`${target} answered ${status}: ${body}`);
  return JSON.parse(body) as Output;
}

async function untilEnded(name: string): Promise<{ status: string; reason: string | undefined }> {
  for (;;) {
    const job = await call<{ TrainingJobStatus: string; FailureReason?: string }>(
      sagemaker,
      "SageMaker.DescribeTrainingJob",
      { TrainingJobName: name },
    );
    if (job.TrainingJobStatus !== "InProgress") return { status: job.TrainingJobStatus, reason: job.FailureReason };
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Clock ticks that the server's process has used, its threads included, its children not. */
function serverTicks(): number {
  const fields = readFileSync(`/proc/${platform.pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Clock ticks that all processors were busy. */
function machineTicks(): number {
  const [, user, nice, system, , , irq, softirq] =
    readFileSync("/proc/stat", "utf8").split("\n", 1)[0]?.split(/\s+/) ?? [];
  return [user, nice, system, irq, softirq].reduce((sum, ticks) => sum + Number(ticks), 0);
}
