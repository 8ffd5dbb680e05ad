import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateAutoMLJobCommand,
  DescribeAutoMLJobCommand,
  type DescribeAutoMLJobCommandOutput,
  SageMakerClient,
} from "@aws-sdk/client-sagemaker";
import { startPlatform } from "../support/platform.ts";
import { ReferenceProcess, referencePython } from "../support/reference-process.ts";
import { type Figure, report } from "../support/report.ts";

const reference = join(import.meta.dirname, "..", "autopilot-reference");
const bucket = "bench-autopilot";
const tasks = [
  { task: "breast cancer", problem: "BinaryClassification" },
  { task: "digits", problem: "MulticlassClassification" },
  { task: "diabetes", problem: "Regression" },
] as const;
/** A run must end within ten minutes, reports included. */
const runtimeSeconds = 540;
const mostMinutes = 10;
const pollMs = 200;

interface Reference {
  readonly metric: "AUC" | "Accuracy" | "MSE";
  readonly validation: number;
  readonly test: number;
  readonly seconds: number;
}

/**
 * Autopilot's best candidate against scikit-learn's HistGradientBoosting with its defaults, both trained on the same rows
 * and measured on the same validation rows; and how long a whole run takes.
 * @param candidates - Candidates of each job.
 */
export async function benchAutopilot(candidates: number): Promise<void> {
  const python = referencePython("autopilot", join(reference, "requirements.txt"));
  const theirs = new ReferenceProcess(python, [join(reference, "reference.py")]);
  const work = mkdtempSync(join(tmpdir(), "sagebrush-bench-"));
  const environments = join(import.meta.dirname, "../../.build/environments");
  const platform = await startPlatform(join(work, "data"), 0, ["--environments-dir", environments]);
  try {
    const { url: endpoint, credentials } = platform;
    const options = { endpoint, region: "us-east-1", credentials };
    const s3 = new S3Client({ ...options, forcePathStyle: true });
    const sagemaker = new SageMakerClient(options);
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const figures: Figure[] = [];
    for (const { task, problem } of tasks) {
      const found = await theirs.ask<Reference>({ task, folder: work });
      const key = task.replaceAll(" ", "-");
      for (const split of ["train", "validation"]) {
        const Body = readFileSync(join(work, `${split}.csv`));
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${key}/${split}/rows.csv`, Body }));
      }
      const begin = performance.now();
      const job = await run(sagemaker, key, problem, found.metric, candidates);
      const minutes = (performance.now() - begin) / 60_000;
      const own = job.BestCandidate?.FinalAutoMLJobObjectiveMetric?.Value;
      if (own === undefined) throw new Error(`${task}: ${job.FailureReason}`);
      // As the report rounds our own.
      const must = `${found.metric === "MSE" ? "<=" : ">="} ${Number(found.validation.toPrecision(4))}`;
      figures.push(
        { what: `${task}: validation ${found.metric}`, value: own, unit: "", must, reference: "HistGradientBoosting" },
        { what: `${task}: whole run`, value: minutes, unit: "min", must: `<= ${mostMinutes}` },
      );
      process.stderr.write(`${task}: ${job.AutoMLJobSecondaryStatus}, ${own} against ${found.validation}\n`);
    }
    report("tuning autopilot", figures);
  } finally {
    theirs.close();
    await platform.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

async function run(
  sagemaker: SageMakerClient,
  name: string,
  ProblemType: (typeof tasks)[number]["problem"],
  MetricName: Reference["metric"],
  MaxCandidates: number,
): Promise<DescribeAutoMLJobCommandOutput> {
  const channel = (ChannelType: "training" | "validation", folder: string) => ({
    ChannelType,
    TargetAttributeName: "target",
    DataSource: {
      S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: `s3://${bucket}/${name}/${folder}/` },
    },
  });
  await sagemaker.send(
    new CreateAutoMLJobCommand({
      AutoMLJobName: name,
      InputDataConfig: [channel("training", "train"), channel("validation", "validation")],
      OutputDataConfig: { S3OutputPath: `s3://${bucket}/out` },
      ...{ ProblemType, AutoMLJobObjective: { MetricName } },
      RoleArn: "arn:aws:iam::000000000000:role/SagebrushExecutionRole",
      AutoMLJobConfig: {
        Mode: "ENSEMBLING",
        CompletionCriteria: { MaxCandidates, MaxAutoMLJobRuntimeInSeconds: runtimeSeconds },
      },
    }),
  );
  for (;;) {
    const job = await sagemaker.send(new DescribeAutoMLJobCommand({ AutoMLJobName: name }));
    if (/Completed|Failed|Stopped/.test(job.AutoMLJobStatus as string)) return job;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
