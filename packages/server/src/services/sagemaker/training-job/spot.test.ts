import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeTrainingJobCommand, StopTrainingJobCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultSpotPolicy } from "../../../spot-policy.ts";
import type { RecordKey } from "../../../store/store.ts";
import { billToldAt, tellBill } from "./billing.ts";
import { interruptTrainingJob } from "./interrupt.ts";
import { bytes, type JobServer, startJobServer } from "./testkit/job-server.ts";
import { logLines } from "./testkit/scripted-engine.ts";
import { type TrainingJob, type TrainingJobRecord, trainingJobKind, trainingLogGroup } from "./training-job.ts";

let jobs: JobServer;
let logs: CloudWatchLogsClient;
beforeAll(async () => {
  jobs = await startJobServer();
  logs = new CloudWatchLogsClient(jobs.server.client);
});
afterAll(() => jobs.close());

const spot = {
  EnableManagedSpotTraining: true,
  StoppingCondition: { MaxRuntimeInSeconds: 3600, MaxWaitTimeInSeconds: 7200 },
};
const at = (name: string) => ({ account: "111122223333", region: "us-west-2", name });

const billLine = (training?: number, billable?: number) =>
  `[sagebrush] Managed spot training: TrainingTimeInSeconds ${training}, BillableTimeInSeconds ${billable}.`;

/** The messages of all of a job's log streams, as CloudWatch Logs gives them. */
async function logOf(name: string): Promise<(string | undefined)[]> {
  const of = { logGroupName: trainingLogGroup, logStreamNamePrefix: `${name}/` };
  const { events } = await logs.send(new FilterLogEventsCommand(of));
  return (events ?? []).map(({ message }) => message);
}

/** Has a job that trains have begun earlier than it did. */
async function beganEarlier(key: RecordKey, ms: number): Promise<void> {
  const { store } = jobs.server.platform;
  const { value, version, status } = (await store.get(key)) as TrainingJobRecord;
  const job: TrainingJob = { ...value, startedAt: (value.startedAt ?? 0) - ms };
  await store.write([{ op: "update", key, value: job, version, ...(status !== undefined && { status }) }]);
}

/** Waits until the job trains with one run more than before. */
async function training(name: string): Promise<void> {
  const describe = () => jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  while ((await describe()).SecondaryStatus !== "Training") await new Promise((resolve) => setTimeout(resolve, 5));
}

test("an interrupted job goes back to Starting, and completes with checkpoints that it got back", async () => {
  const name = await jobs.create({ ...spot, CheckpointConfig: { S3Uri: "s3://data/checkpoints/a" } });
  await jobs.server.platform.objects.put("data", "checkpoints/a/epoch-1", bytes("1"));
  await training(name);
  await interruptTrainingJob(jobs.server.platform, at(name));
  await expect.poll(() => jobs.engine.running.map(({ id }) => id.endsWith("-2-1"))).toEqual([true]);
  await training(name);
  const [run] = jobs.engine.running;
  await logLines(run!, "resumed");
  jobs.engine.exit(run!.id, 0);
  const job = await jobs.until(name, "Completed", "Failed");
  expect(job.TrainingJobStatus).toBe("Completed");
  expect(job.SecondaryStatusTransitions?.map(({ Status }) => Status)).toEqual([
    ...["Starting", "Downloading", "Training", "Interrupted", "Starting", "Downloading", "Training"],
    ...["Uploading", "Completed"],
  ]);
  // The bill is the log's last word, told once for the attempt that ended well.
  const { TrainingTimeInSeconds, BillableTimeInSeconds } = job;
  expect(await logOf(name)).toEqual(["resumed", billLine(TrainingTimeInSeconds, BillableTimeInSeconds)]);
});

test.for(["Completed", "Failed", "Stopped"])("a %s job is billed what Describe and its log say", async (end) => {
  const name = await jobs.create(spot);
  await training(name);
  const key = { ...at(name), kind: trainingJobKind };
  await beganEarlier(key, 1000 * 1000);
  const [run] = jobs.engine.running;
  await logLines(run!, "[sagebrush] Managed spot training: TrainingTimeInSeconds 1, BillableTimeInSeconds 1."); // its own words
  if (end === "Stopped") await jobs.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: name }));
  else jobs.engine.exit(run!.id, end === "Failed" ? 1 : 0);
  const job = await jobs.until(name, "Completed", "Failed", "Stopped");
  expect(job.TrainingJobStatus).toBe(end);
  const { TrainingTimeInSeconds = 0, BillableTimeInSeconds } = job;
  expect(TrainingTimeInSeconds).toBeGreaterThanOrEqual(1000);
  expect(BillableTimeInSeconds).toBe(Math.round(TrainingTimeInSeconds * (1 - defaultSpotPolicy.discount)));
  expect((await logOf(name)).slice(1)).toEqual([billLine(TrainingTimeInSeconds, BillableTimeInSeconds)]);
});

test("a bill that was told before the server died is the job's, and is not told again", async () => {
  const logFile = join(mkdtempSync(join(tmpdir(), "bill-")), "job.log");
  const job = { startedAt: 1_000_000, endedAt: 1_100_000, spotDiscount: 0.5 };
  expect(await billToldAt(logFile, job.endedAt)).toBeUndefined(); // no log at all
  await tellBill(job, logFile, 1_100_001);
  expect(readFileSync(logFile, "utf8")).toBe(`1100001 ${billLine(100, 50)}\n`);
  expect(await billToldAt(logFile, 1_100_000)).toBe(1_100_001);
  expect(await billToldAt(logFile, 1_100_001)).toBeUndefined(); // written while the run went on: by the run
  rmSync(dirname(logFile), { recursive: true });
});

test("a job on demand and one that got no machine have no bill in their log", async () => {
  const logFile = join(tmpdir(), "there-is-none", "job.log");
  await tellBill({ startedAt: 0, endedAt: 1 }, logFile, 2);
  await tellBill({ endedAt: 1, spotDiscount: 0.5 }, logFile, 2);
  expect(existsSync(logFile)).toBe(false);
});

test("only a spot job that trains can be interrupted", async () => {
  const onDemand = await jobs.create();
  await training(onDemand);
  await expect(interruptTrainingJob(jobs.server.platform, at(onDemand))).rejects.toThrow(
    `${onDemand} is not a spot job: it was created without EnableManagedSpotTraining.`,
  );
  const ended = await jobs.create(spot);
  await training(ended);
  for (const { id } of jobs.engine.running) jobs.engine.exit(id, 0);
  await jobs.until(ended, "Completed");
  await expect(interruptTrainingJob(jobs.server.platform, at(ended))).rejects.toThrow("it is Completed");
  await expect(interruptTrainingJob(jobs.server.platform, at("nothing"))).rejects.toThrow("There is no training job");
});
