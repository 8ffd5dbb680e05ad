import { createReadStream, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateModelCommand,
  CreateTransformJobCommand,
  DescribeTransformJobCommand,
  SageMakerClient,
} from "@aws-sdk/client-sagemaker";
import { tarGzOf } from "../../packages/server/src/serving/testkit/tar-builder.ts";
import { startPlatform } from "../support/platform.ts";
import { ReferenceProcess, referencePython } from "../support/reference-process.ts";
import { type Figure, median } from "../support/report.ts";
import type { ServingBench } from "./serving-bench.ts";

const folder = join(import.meta.dirname, "batch-reference");
const bucket = "bench-batch";
const account = "000000000000";
/** As a client polls; a small part of what is measured. */
const pollMs = 20;
const settleMs = 4_000;

/**
 * Batch transform of a CSV of 28 columns with an XGBoost model of 100 trees of depth 6, from CreateTransformJob to Completed as a client
 * sees it: starting the container, reading, predicting and storing the answers. Theirs is reading and predicting in a warm Python on
 * the same version of the library.
 */
export const batch: ServingBench = {
  name: "batch",
  async measure({ work, repeats, rows }) {
    const python = referencePython("batch", join(folder, "requirements.txt"));
    const reference = new ReferenceProcess(python, [join(folder, "reference.py")]);
    const data = join(work, "data");
    mkdirSync(data);
    const platform = await startPlatform(data, 0, [
      "--environments-dir",
      join(import.meta.dirname, "../../.build/environments"),
    ]);
    const options = {
      endpoint: platform.url,
      region: "us-east-1",
      credentials: platform.credentials,
      requestChecksumCalculation: "WHEN_REQUIRED" as const,
    };
    const s3 = new S3Client({ ...options, forcePathStyle: true });
    const sagemaker = new SageMakerClient(options);
    const [csv, model, theirs, ours] = ["rows.csv", "model.ubj", "theirs", "ours"].map((name) => join(work, name)) as [
      string,
      string,
      string,
      string,
    ];
    try {
      process.stderr.write("batch: making the rows\n");
      await reference.ask({ do: "generate", rows, csv, model });
      await upload(s3, csv, model);
      await sagemaker.send(
        new CreateModelCommand({
          ModelName: "bench",
          ExecutionRoleArn: `arn:aws:iam::${account}:role/service-role/SagebrushExecutionRole`,
          PrimaryContainer: {
            Image: "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5",
            ModelDataUrl: `s3://${bucket}/model.tar.gz`,
          },
        }),
      );
      const rounds: Record<string, number>[] = [];
      const times: number[] = [];
      // The first job of a server is not counted: it may make the library's environment.
      for (let round = 0; round <= repeats; round++) {
        const milliseconds = await transform(sagemaker, `bench-${round}`);
        if (round === 0) continue;
        times.push(milliseconds);
        // A model server for the next job is started behind this one: not in the reference's turn.
        await new Promise((resolve) => setTimeout(resolve, settleMs));
        rounds.push(await reference.ask({ do: "round", csv, model, output: theirs }));
        process.stderr.write(`batch: round ${round} of ${repeats}\n`);
      }
      const output = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: "out/rows.csv.out" }));
      writeFileSync(ours, (await output.Body?.transformToByteArray()) ?? "");
      const same = await reference.ask<{ rows: number; difference: number }>({
        do: "compare",
        output: theirs,
        other: ours,
      });
      return figures(rows, times, rounds, same);
    } finally {
      reference.close();
      s3.destroy();
      sagemaker.destroy();
      await platform.stop();
    }
  },
};

async function upload(s3: S3Client, csv: string, model: string): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: "model.tar.gz",
      Body: tarGzOf([{ path: "xgboost-model", content: readFileSync(model) }]),
    }),
  );
  const { size } = await stat(csv);
  await s3.send(
    new PutObjectCommand({ Bucket: bucket, Key: "in/rows.csv", Body: createReadStream(csv), ContentLength: size }),
  );
}

/** @returns Milliseconds from the call to Completed. */
async function transform(sagemaker: SageMakerClient, name: string): Promise<number> {
  const began = performance.now();
  await sagemaker.send(
    new CreateTransformJobCommand({
      TransformJobName: name,
      ModelName: "bench",
      BatchStrategy: "MultiRecord",
      TransformInput: {
        DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: `s3://${bucket}/in/` } },
        ContentType: "text/csv",
        SplitType: "Line",
      },
      TransformOutput: { S3OutputPath: `s3://${bucket}/out`, Accept: "text/csv", AssembleWith: "Line" },
      TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1 },
    }),
  );
  for (;;) {
    const job = await sagemaker.send(new DescribeTransformJobCommand({ TransformJobName: name }));
    if (job.TransformJobStatus === "Completed") return performance.now() - began;
    if (job.TransformJobStatus !== "InProgress") throw new Error(job.FailureReason);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function figures(
  rows: number,
  times: readonly number[],
  rounds: readonly Record<string, number>[],
  same: { rows: number; difference: number },
): Figure[] {
  const names = Object.keys(rounds[0] ?? {});
  const all = names.map((name) => ({ name, value: median(rounds.map((round) => round[name] as number)) }));
  const fastest = (written: boolean) =>
    all.filter(({ name }) => name.endsWith("written") === written).reduce((a, b) => (b.value < a.value ? b : a));
  const [read, written] = [fastest(false), fastest(true)];
  const whole = median(times);
  return [
    {
      what: `batch, ${rows} rows, CreateTransformJob to Completed`,
      value: whole / read.value,
      unit: "x",
      reference: `Python xgboost 3.0.5, ${read.name}`,
      must: "<= 1.5",
    },
    {
      what: "batch, of the same with the predictions written to a file",
      value: whole / written.value,
      unit: "x",
      reference: written.name,
    },
    {
      what: "batch, largest difference to Python's predictions, relative",
      value: same.rows === rows ? same.difference : 1,
      unit: "",
      must: "<= 0.000001",
    },
    { what: "batch, ours", value: whole, unit: "ms" },
    ...all.map(({ name, value }) => ({ what: `batch, ${name}`, value, unit: "ms" })),
  ];
}
