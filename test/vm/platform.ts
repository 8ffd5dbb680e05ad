import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
  type DescribeTrainingJobResponse,
  SageMakerClient,
} from "@aws-sdk/client-sagemaker";

/** Where the checkout is in the guest. */
export const root = "/opt/sagebrush";
const image = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1";
/** The smallest type that has less memory and fewer cores than the guest, so that both become limits. */
const instanceType = "ml.t3.medium";

/** The service in the guest, through its API. */
export class Platform {
  readonly #s3: S3Client;
  readonly #sagemaker: SageMakerClient;

  constructor(variables: Readonly<Record<string, string>>) {
    const client = {
      endpoint: "http://127.0.0.1:9310",
      region: "us-east-1",
      credentials: {
        accessKeyId: variables["AWS_ACCESS_KEY_ID"] ?? "",
        secretAccessKey: variables["AWS_SECRET_ACCESS_KEY"] ?? "",
      },
    };
    this.#s3 = new S3Client({ ...client, forcePathStyle: true });
    this.#sagemaker = new SageMakerClient(client);
  }

  async upload(): Promise<void> {
    const Body = readFileSync(`${root}/examples/first-model/penguins.csv`);
    await this.#s3.send(new CreateBucketCommand({ Bucket: "penguins" }));
    await this.#s3.send(new PutObjectCommand({ Bucket: "penguins", Key: "train/penguins.csv", Body }));
  }

  /** Waits until the server answers signed requests. */
  async answers(): Promise<void> {
    await until("the server answers", () =>
      this.describe("nobody").catch((error: Error) => /not found/i.test(error.message)),
    );
  }

  /** @returns How many epochs take about so many seconds on this machine. */
  async epochsFor(seconds: number): Promise<number> {
    const trial = 40;
    await this.train("trial", trial);
    const { TrainingTimeInSeconds = 0 } = await this.ended("trial");
    return Math.ceil((trial * seconds) / Math.max(1, TrainingTimeInSeconds));
  }

  /** Starts a job and waits until its algorithm is at work. */
  async train(name: string, epochs: number): Promise<DescribeTrainingJobResponse> {
    await this.#sagemaker.send(
      new CreateTrainingJobCommand({
        TrainingJobName: name,
        AlgorithmSpecification: { TrainingImage: image, TrainingInputMode: "File" },
        RoleArn: "arn:aws:iam::000000000000:role/SagebrushExecutionRole",
        HyperParameters: {
          predictor_type: "multiclass_classifier",
          num_classes: "3",
          mini_batch_size: "1",
          epochs: String(epochs),
          early_stopping_patience: String(epochs + 1),
        },
        InputDataConfig: [
          {
            ChannelName: "train",
            ContentType: "text/csv",
            DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://penguins/train/" } },
          },
        ],
        OutputDataConfig: { S3OutputPath: "s3://penguins/models" },
        ResourceConfig: { InstanceType: instanceType, InstanceCount: 1, VolumeSizeInGB: 1 },
        StoppingCondition: { MaxRuntimeInSeconds: 3600 },
      }),
    );
    await until(`${name} trains`, async () => starts(await this.describe(name)) > 0);
    return this.describe(name);
  }

  describe(name: string): Promise<DescribeTrainingJobResponse> {
    return this.#sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  }

  async ended(name: string): Promise<DescribeTrainingJobResponse> {
    await until(`${name} ends`, async () => (await this.describe(name)).TrainingJobStatus !== "InProgress");
    return this.describe(name);
  }
}

/** How often a job began to train. */
export function starts(job: DescribeTrainingJobResponse): number {
  return (job.SecondaryStatusTransitions ?? []).filter(({ Status }) => Status === "Training").length;
}

/** Whether two descriptions of a job are of one and the same run. */
export function sameStart(one: DescribeTrainingJobResponse, other: DescribeTrainingJobResponse): boolean {
  return one.TrainingStartTime !== undefined && one.TrainingStartTime.getTime() === other.TrainingStartTime?.getTime();
}

/** Waits, five minutes at most. */
export async function until(what: string, met: () => unknown): Promise<void> {
  const end = Date.now() + 300_000;
  for (;;) {
    if (await met()) return;
    if (Date.now() > end) throw new Error(`Waited five minutes, and it is not so that ${what}.`);
    await pause(250);
  }
}
