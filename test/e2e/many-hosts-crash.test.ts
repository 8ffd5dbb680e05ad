import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CloudWatchLogsClient, DescribeLogStreamsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateBucketCommand, HeadObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
  SageMakerClient,
  StopTrainingJobCommand,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PlatformProcess, startPlatform } from "../../bench/support/platform.ts";
import { requirements, where } from "../../packages/server/src/engines/requirements.ts";
import { sagebrush } from "../conformance/server.ts";

/** Kept from run to run: making one takes longer than this test. */
const environments = join(import.meta.dirname, "..", "..", ".build", "environments");
const image = "081325390199.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0";

/** Writes a model that takes a moment to upload, and ends by itself after some seconds, or when it is told to. */
const program = [
  "H=$(cat /proc/sys/kernel/hostname); trap 'sleep 1; exit 0' TERM",
  "head -c 20000000 /dev/urandom > /opt/ml/model/$H",
  "for i in 1 2 3 4 5 6; do sleep 0.5; done",
].join("; ");

const needed = [
  ...[requirements.root, requirements.bubblewrap, requirements.iproute2, requirements.nftables],
  requirements.pythonEnvironments,
];
where("a server that is killed while two hosts work", needed, () => {
  const folder = mkdtempSync(join(tmpdir(), "sagebrush-hosts-"));
  let platform: PlatformProcess;
  let sagemaker: SageMakerClient;
  const options = () => ({ endpoint: platform.url, region: "us-east-1", credentials: platform.credentials });
  const start = async () => {
    const port = platform === undefined ? 0 : Number(new URL(platform.url).port);
    platform = await startPlatform(folder, port, ["--environments-dir", environments]);
    sagemaker = new SageMakerClient(options());
  };
  beforeAll(async () => {
    await start();
    await new S3Client({ ...options(), forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: "hosts" }));
  });
  afterAll(async () => {
    await platform.stop();
    sagebrush(folder, "down", "--all");
    rmSync(folder, { recursive: true, force: true });
  });

  const describe = (TrainingJobName: string) => sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName }));
  const reaches = async (name: string, isReached: (secondary: string) => boolean) => {
    for (;;) {
      const job = await describe(name);
      if (isReached(job.SecondaryStatus as string)) return job;
      await delay(5);
    }
  };

  test.for(["Starting", "Downloading", "Training", "Uploading", "Stopping"])(
    "in %s goes on with both, and ends the job as it would have ended",
    { timeout: 240_000 },
    async (status) => {
      const name = `killed-in-${status}`;
      await sagemaker.send(
        new CreateTrainingJobCommand({
          TrainingJobName: name,
          RoleArn: "arn:aws:iam::000000000000:role/service-role/SagebrushExecutionRole",
          AlgorithmSpecification: {
            TrainingImage: image,
            TrainingInputMode: "File",
            ContainerEntrypoint: ["/bin/sh", "-c", program],
          },
          OutputDataConfig: { S3OutputPath: "s3://hosts/out" },
          ResourceConfig: { InstanceType: "ml.t3.medium", InstanceCount: 2, VolumeSizeInGB: 1 },
          StoppingCondition: { MaxRuntimeInSeconds: 600 },
        }),
      );
      if (status === "Stopping") {
        await reaches(name, (secondary) => secondary === "Training");
        await sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: name }));
      }
      const passed = ["Starting", "Downloading", "Training", "Stopping", "Uploading"];
      // A phase may be over before it was seen: the next one is as good a moment.
      await reaches(name, (secondary) => passed.indexOf(secondary) >= passed.indexOf(status));
      await platform.kill();
      await start();
      const end = await reaches(name, (secondary) => ["Completed", "Failed", "Stopped"].includes(secondary));
      expect(end.FailureReason).toBeUndefined();
      expect(end.TrainingJobStatus).toBe(status === "Stopping" ? "Stopped" : "Completed");
      const model = { Bucket: "hosts", Key: `out/${name}/output/model.tar.gz` };
      const { ContentLength } = await new S3Client({ ...options(), forcePathStyle: true }).send(
        new HeadObjectCommand(model),
      );
      // Random bytes do not get smaller: both hosts' files are there.
      expect(ContentLength).toBeGreaterThan(status === "Stopping" ? 0 : 40_000_000);
      const { logStreams } = await new CloudWatchLogsClient(options()).send(
        new DescribeLogStreamsCommand({
          logGroupName: "/aws/sagemaker/TrainingJobs",
          logStreamNamePrefix: `${name}/`,
        }),
      );
      expect(logStreams?.map(({ logStreamName }) => logStreamName?.slice(0, name.length + 7))).toEqual([
        `${name}/algo-1`,
        `${name}/algo-2`,
      ]);
    },
  );
});
