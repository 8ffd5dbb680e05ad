import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  CreateAutoMLJobCommand,
  DescribeAutoMLJobCommand,
  ListCandidatesForAutoMLJobCommand,
  ListTrainingJobsCommand,
} from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { clients } from "../conformance/clients.ts";
import { type RunningServer, root, startServer } from "../conformance/server.ts";

const rows = Array.from({ length: 200 }, (_, i) => `${(i * 37) % 101},${i % 7},${(i * 37) % 101 > 50 ? "yes" : "no"}`);
const settings = ["--environments-dir", join(root, ".build", "environments")];
const candidates = 3;

test("an Autopilot job whose server is killed in every phase has each of its training jobs once", {
  timeout: 240_000,
}, async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "sagebrush-test-"));
  let server = await startServer({ dataDirectory, settings });
  try {
    await create(server);
    for (const phase of [/AnalyzingData/, /TrainingModels/, /Generating|Completed/]) {
      await expect.poll(() => secondary(server), { timeout: 90_000, interval: 20 }).toMatch(phase);
      process.kill(server.pid, "SIGKILL");
      server = await startServer({ dataDirectory, settings });
    }
    await expect.poll(() => secondary(server), { timeout: 90_000, interval: 100 }).toMatch(/^(Completed|Failed)$/);
    expect(await describe(server)).toMatchObject({
      AutoMLJobStatus: "Completed",
      BestCandidate: { CandidateProperties: { CandidateArtifactLocations: { ModelInsights: expect.any(String) } } },
    });
    const { sagemaker } = clients(server);
    const listed = await sagemaker.send(new ListCandidatesForAutoMLJobCommand({ AutoMLJobName: "Killed" }));
    expect(listed.Candidates?.map(({ CandidateStatus }) => CandidateStatus)).toEqual(
      Array.from({ length: candidates }, () => "Completed"),
    );
    // The analysis, the candidates and the reports: nobody else made training jobs here.
    const all = await sagemaker.send(new ListTrainingJobsCommand({ MaxResults: 100 }));
    expect(all.TrainingJobSummaries).toHaveLength(candidates + 2);
  } finally {
    await server.stop();
  }
});

function describe(server: RunningServer) {
  return clients(server).sagemaker.send(new DescribeAutoMLJobCommand({ AutoMLJobName: "Killed" }));
}

async function secondary(server: RunningServer) {
  return (await describe(server)).AutoMLJobSecondaryStatus;
}

async function create(server: RunningServer): Promise<void> {
  const { s3, sagemaker } = clients(server);
  await s3.send(new CreateBucketCommand({ Bucket: "data" }));
  await s3.send(new PutObjectCommand({ Bucket: "data", Key: "train/a.csv", Body: ["x,z,y", ...rows].join("\n") }));
  await sagemaker.send(
    new CreateAutoMLJobCommand({
      AutoMLJobName: "Killed",
      InputDataConfig: [
        {
          DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/train/" } },
          TargetAttributeName: "y",
        },
      ],
      OutputDataConfig: { S3OutputPath: "s3://data/out" },
      AutoMLJobConfig: {
        Mode: "ENSEMBLING",
        CompletionCriteria: { MaxCandidates: candidates },
        CandidateGenerationConfig: { AlgorithmsConfig: [{ AutoMLAlgorithms: ["linear-learner", "xgboost"] }] },
      },
      RoleArn: "arn:aws:iam::000000000000:role/SagebrushExecutionRole",
    }),
  );
}
