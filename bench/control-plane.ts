import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../packages/server/src/clock.ts";
import { dataDirectoryPaths } from "../packages/server/src/data-directory.ts";
import { openSqliteStore } from "../packages/server/src/store/sqlite/sqlite-store.ts";
import type { Store, StoredRecord } from "../packages/server/src/store/store.ts";
import type { PlatformProcess } from "./support/platform.ts";
import { startPlatform } from "./support/platform.ts";
import { median, quantile, report } from "./support/report.ts";
import { SignedClient } from "./support/signed-client.ts";

/**
 * The control plane as a client sees it: DescribeTrainingJob and ListTrainingJobs, signed, over one kept-alive
 * connection, against a server with 1,000 training jobs and one with 100,000. Both run in turns, round by round. The
 * records are copies of one that the server itself made.
 */
const sizes = [1_000, 100_000] as const;
const rounds = 12;
const callsPerRound = { describe: 250, list: 80 };
const account = "000000000000";

interface Subject {
  readonly size: number;
  readonly folder: string;
  readonly platform: PlatformProcess;
  readonly client: SignedClient;
  readonly names: readonly string[];
  /** Milliseconds, by what was measured. */
  readonly times: Map<string, number[]>;
}

/** One kind of call; the lists are those that people and consoles make. */
const calls: Record<string, { count: number; input: (name: string) => [string, object] }> = {
  "DescribeTrainingJob p50": {
    count: callsPerRound.describe,
    input: (name) => ["DescribeTrainingJob", { TrainingJobName: name }],
  },
  "ListTrainingJobs, newest first, p50": {
    count: callsPerRound.list,
    input: () => ["ListTrainingJobs", { MaxResults: 10 }],
  },
  "ListTrainingJobs, one status by name, p50": {
    count: callsPerRound.list,
    input: () => ["ListTrainingJobs", { MaxResults: 10, SortBy: "Name", StatusEquals: "Failed" }],
  },
  "ListTrainingJobs, page of 100, p50": {
    count: callsPerRound.list,
    input: () => ["ListTrainingJobs", { MaxResults: 100, SortBy: "Status", SortOrder: "Ascending" }],
  },
};

const subjects: Subject[] = [];
try {
  for (const size of sizes) subjects.push(await prepare(size));
  const [few, many] = subjects as [Subject, Subject];
  // The first round warms both up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const subject of round % 2 === 0 ? [few, many] : [many, few]) await measure(subject, round > 0);
  }
  report("control-plane", [
    ...Object.keys(calls).flatMap((what) => {
      const [at, than] = [median(many.times.get(what) ?? []), median(few.times.get(what) ?? [])];
      return [
        { what: `${what}, 1,000 records`, value: than, unit: "ms", ...limitOf(what) },
        { what: `${what}, 100,000 records`, value: at, unit: "ms", ...limitOf(what) },
        { what: `${what}, growth`, value: at / than, unit: "x", reference: "the same at 1,000 records", must: "< 1.5" },
      ];
    }),
    {
      what: "DescribeTrainingJob p99, 100,000 records",
      value: quantile(many.times.get("DescribeTrainingJob p50") ?? [], 0.99),
      unit: "ms",
    },
  ]);
} finally {
  for (const { platform, client, folder } of subjects) {
    client.close();
    await platform.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function limitOf(what: string): { must?: string } {
  return what.startsWith("Describe") ? { must: "<= 2" } : {};
}

async function prepare(size: number): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), `sagebrush-control-plane-${size}-`));
  const first = await startPlatform(folder);
  await createOne(first);
  await first.stop();
  const store = await openSqliteStore(dataDirectoryPaths(folder).database, { clock: systemClock });
  const names = await multiply(store, size);
  await store.close();
  const platform = await startPlatform(folder);
  const client = new SignedClient({ url: platform.url, credentials: platform.credentials, service: "sagemaker" });
  return { size, folder, platform, client, names, times: new Map() };
}

/** Makes one training job through the API; what becomes of it does not matter, only that it ends. */
async function createOne(platform: PlatformProcess): Promise<void> {
  const { url, credentials } = platform;
  const sagemaker = new SignedClient({ url, credentials, service: "sagemaker" });
  const s3 = new SignedClient({ url, credentials, service: "s3" });
  const unsigned = { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
  await expectOk(s3.send("PUT", "/bench-control-plane", "", unsigned));
  await expectOk(s3.send("PUT", "/bench-control-plane/train/data.csv", "0,1,2\n1,3,4\n0,1,3\n1,4,4\n", unsigned));
  const S3DataSource = { S3DataType: "S3Prefix", S3Uri: "s3://bench-control-plane/train/" };
  await expectOk(
    sagemaker.json("SageMaker.CreateTrainingJob", {
      TrainingJobName: "job-template",
      AlgorithmSpecification: { TrainingImage: "linear-learner", TrainingInputMode: "File" },
      RoleArn: `arn:aws:iam::${account}:role/service-role/SagebrushExecutionRole`,
      InputDataConfig: [{ ChannelName: "train", ContentType: "text/csv", DataSource: { S3DataSource } }],
      OutputDataConfig: { S3OutputPath: "s3://bench-control-plane/output/" },
      ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
      StoppingCondition: { MaxRuntimeInSeconds: 600 },
      HyperParameters: { predictor_type: "binary_classifier", mini_batch_size: "2", epochs: "1" },
    }),
  );
  for (;;) {
    const { body } = await expectOk(
      sagemaker.json("SageMaker.DescribeTrainingJob", { TrainingJobName: "job-template" }),
    );
    const { TrainingJobStatus } = JSON.parse(body) as { TrainingJobStatus: string };
    if (TrainingJobStatus !== "InProgress") break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  sagemaker.close();
  s3.close();
}

/** Copies the one job until there are `size`, each with its own name, times in order, and every tenth failed. */
async function multiply(store: Store, size: number): Promise<string[]> {
  const { records } = await store.list<object>({ kind: "training-job", limit: 1 });
  const template = records[0] as StoredRecord<object>;
  const text = JSON.stringify(template.value);
  const names = Array.from({ length: size }, (_, index) => `job-${String((index * 7919) % size).padStart(8, "0")}`);
  const { account: owner, region, kind } = template;
  for (let begin = 0; begin < size; begin += 500) {
    await store.write(
      names.slice(begin, begin + 500).map((name, index) => ({
        op: "create" as const,
        key: { account: owner, region, kind, name },
        value: JSON.parse(text.replaceAll(template.name, name)) as object,
        status: (begin + index) % 10 === 0 ? "Failed" : "Completed",
      })),
    );
  }
  return names;
}

async function measure(subject: Subject, isCounted: boolean): Promise<void> {
  for (const [what, { count, input }] of Object.entries(calls)) {
    const times: number[] = [];
    for (let call = 0; call < count; call++) {
      const [operation, body] = input(subject.names[Math.floor(Math.random() * subject.names.length)] as string);
      const started = performance.now();
      await expectOk(subject.client.json(`SageMaker.${operation}`, body));
      times.push(performance.now() - started);
    }
    if (isCounted) subject.times.set(what, [...(subject.times.get(what) ?? []), ...times]);
  }
}

async function expectOk(
  answering: Promise<{ status: number; body: string }>,
): Promise<{ status: number; body: string }> {
  const answer = await answering;
  if (answer.status >= 300) throw new Error(`The server answered ${answer.status}: ${answer.body}`);
  return answer;
}
