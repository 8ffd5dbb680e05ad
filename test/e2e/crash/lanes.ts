import { randomBytes, randomInt } from "node:crypto";
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import {
  AddTagsCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  DeleteModelCommand,
  DescribeModelCommand,
  DescribeTrainingJobCommand,
  ListTagsCommand,
  type SageMakerClient,
} from "@aws-sdk/client-sagemaker";
import { fingerprint, Ledger } from "./ledger.ts";

/** Bucket that everything happens in. */
export const bucket = "crash";
/** The default execution role's ARN. */
const roleArn = "arn:aws:iam::000000000000:role/service-role/SagebrushExecutionRole";

/** Clients of the server as it runs now. They try once: what a retry did could not be told from what the first try did. */
export interface Clients {
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
}

/** One kind of work that goes on while the server is killed again and again. */
export interface Lane {
  readonly ledger: Ledger;
  /** Whether its names may be read back after every kill; otherwise only at the end. */
  readonly isQuickToRead: boolean;
  /** One piece of work; must not reject because the server died. */
  step(clients: Clients): Promise<void>;
  /** Reads one name back: what the ledger calls its content. */
  read(clients: Clients, name: string): Promise<string | undefined>;
}

/** Objects written over and deleted, from none to `largest` bytes, under `names` keys. */
export function objectLane(prefix: string, names: number, largest: number): Lane {
  const ledger = new Ledger();
  return {
    ledger,
    isQuickToRead: true,
    async step({ s3 }) {
      const Key = `${prefix}/${randomInt(names)}`;
      if (randomInt(6) === 0) {
        await ledger.attempt(Key, undefined, () => s3.send(new DeleteObjectCommand({ Bucket: bucket, Key })));
        return;
      }
      const Body = randomBytes(randomInt(largest + 1));
      await ledger.attempt(Key, fingerprint(Body), () => s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body })));
    },
    read: readObject,
  };
}

/** Objects put together from two parts, the second sent first. */
export function multipartLane(prefix: string): Lane {
  const ledger = new Ledger();
  const partBytes = 5 * 1024 * 1024;
  return {
    ledger,
    isQuickToRead: true,
    async step({ s3 }) {
      const Key = `${prefix}/${randomInt(4)}`;
      const body = randomBytes(partBytes + randomInt(1, 100_000));
      const parts = [body.subarray(0, partBytes), body.subarray(partBytes)];
      await ledger.attempt(Key, fingerprint(body), async () => {
        const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }));
        const tags: (string | undefined)[] = [];
        for (const PartNumber of [2, 1]) {
          const Body = parts[PartNumber - 1] as Uint8Array;
          const part = new UploadPartCommand({ Bucket: bucket, Key, UploadId, PartNumber, Body });
          tags[PartNumber - 1] = (await s3.send(part)).ETag;
        }
        const Parts = tags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
        await s3.send(
          new CompleteMultipartUploadCommand({ Bucket: bucket, Key, UploadId, MultipartUpload: { Parts } }),
        );
      });
    },
    read: readObject,
  };
}

/** Models created and deleted, and tags set on them: two records that must come and go together. */
export function modelLane(prefix: string): Lane {
  const ledger = new Ledger();
  return {
    ledger,
    isQuickToRead: true,
    async step({ sagemaker }) {
      const ModelName = `${prefix}-${randomInt(30)}`;
      const model = {
        ModelName,
        ExecutionRoleArn: roleArn,
        PrimaryContainer: { Image: "linear-learner", ModelDataUrl: `s3://${bucket}/model.tar.gz` },
      };
      const value = randomBytes(4).toString("hex");
      const Tags = [{ Key: "mark", Value: value }];
      await ledger.attempt(ModelName, undefined, () => ifThere(sagemaker.send(new DeleteModelCommand({ ModelName }))));
      const create = () => sagemaker.send(new CreateModelCommand({ ...model, Tags }));
      if (!(await ledger.attempt(ModelName, value, create)) || randomInt(2) === 0) return;
      const ResourceArn = `arn:aws:sagemaker:us-east-1:000000000000:model/${ModelName}`;
      const changed = randomBytes(4).toString("hex");
      await ledger.attempt(ModelName, changed, () =>
        sagemaker.send(new AddTagsCommand({ ResourceArn, Tags: [{ Key: "mark", Value: changed }] })),
      );
    },
    async read({ sagemaker }, ModelName) {
      const model = await ifThere(sagemaker.send(new DescribeModelCommand({ ModelName })));
      if (!model) return undefined;
      const { Tags } = await sagemaker.send(new ListTagsCommand({ ResourceArn: model.ModelArn }));
      return Tags?.find(({ Key }) => Key === "mark")?.Value ?? "no mark";
    },
  };
}

/** Training jobs: each that was acknowledged must be there, go on after every restart, and complete. */
export function jobLane(prefix: string, limit: number): Lane {
  const ledger = new Ledger();
  let count = 0;
  return {
    ledger,
    isQuickToRead: false,
    async step({ sagemaker }) {
      // About one for each life of the server, so that later kills meet jobs under way too.
      await new Promise((resolve) => setTimeout(resolve, 150));
      if (count >= limit) return;
      const TrainingJobName = `${prefix}-${count++}`;
      const S3DataSource = { S3DataType: "S3Prefix", S3Uri: `s3://${bucket}/training/` } as const;
      await ledger.attempt(TrainingJobName, "Completed", () =>
        sagemaker.send(
          new CreateTrainingJobCommand({
            TrainingJobName,
            AlgorithmSpecification: { TrainingImage: "linear-learner", TrainingInputMode: "File" },
            RoleArn: roleArn,
            InputDataConfig: [{ ChannelName: "train", ContentType: "text/csv", DataSource: { S3DataSource } }],
            OutputDataConfig: { S3OutputPath: `s3://${bucket}/output/` },
            ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
            StoppingCondition: { MaxRuntimeInSeconds: 600 },
            HyperParameters: {
              predictor_type: "binary_classifier",
              mini_batch_size: "20",
              epochs: "3",
              num_models: "1",
            },
          }),
        ),
      );
    },
    /** Waits until the job has ended. A completed one's artifact must be there, whole. */
    async read({ sagemaker, s3 }, TrainingJobName) {
      for (;;) {
        const job = await ifThere(sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName })));
        if (!job) return undefined;
        if (job.TrainingJobStatus !== "InProgress") {
          if (job.TrainingJobStatus !== "Completed") return `${job.TrainingJobStatus}: ${job.FailureReason}`;
          const Key = job.ModelArtifacts?.S3ModelArtifacts?.replace(`s3://${bucket}/`, "");
          const artifact = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
          const bytes = await artifact.Body?.transformToByteArray();
          // A gzip stream, whole: its length modulo 2^32 is in its last four bytes.
          return bytes && bytes.length > 20 && bytes[0] === 0x1f && bytes[1] === 0x8b
            ? "Completed"
            : "a broken artifact";
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  };
}

async function readObject({ s3 }: Clients, Key: string): Promise<string | undefined> {
  const answer = await ifThere(s3.send(new GetObjectCommand({ Bucket: bucket, Key })));
  return answer && fingerprint((await answer.Body?.transformToByteArray()) ?? new Uint8Array());
}

/** The answer, or `undefined` when there is no such thing. */
async function ifThere<T>(answering: Promise<T>): Promise<T | undefined> {
  try {
    return await answering;
  } catch (error) {
    const { name, message } = error as Error;
    if (name === "NoSuchKey" || name === "NotFound" || /not exist|could not find|not found/iu.test(message))
      return undefined;
    throw error;
  }
}
