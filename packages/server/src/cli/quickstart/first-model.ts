import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  DeleteEndpointCommand,
  DescribeTrainingJobCommand,
  SageMakerClient,
  waitUntilEndpointInService,
  waitUntilTrainingJobCompletedOrStopped,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { CommandError } from "../command-error.ts";
import type { BackgroundServer } from "./background-server.ts";
import type { Dataset, LabelledRow } from "./penguins.ts";

const bucket = "sagebrush-quickstart";
const roleArn = "arn:aws:iam::000000000000:role/SagebrushExecutionRole";
const image = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1";
/** Waiters poll; on a local platform a job takes a second, not minutes. */
const waiting = { minDelay: 0.05, maxDelay: 0.2, maxWaitTime: 120 };

/** Trains, deploys and predicts with nothing but AWS SDK calls. @returns The predicted class of each held-out row. */
export async function firstModel(options: {
  server: BackgroundServer;
  data: Dataset;
  phase: <Result>(title: string, work: () => Promise<Result>) => Promise<Result>;
  tidyUp: boolean;
}): Promise<number[]> {
  const { server, data, phase } = options;
  const client = { endpoint: server.url, region: server.region, credentials: server.credentials };
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  const sagemaker = new SageMakerClient(client);
  const runtime = new SageMakerRuntimeClient(client);
  const name = `penguins-${new Date().toISOString().replaceAll(/\D/g, "").slice(0, 14)}`;

  await phase("Upload the training data to S3", async () => {
    await s3.send(new CreateBucketCommand({ Bucket: bucket })).catch(ignoreOwnBucket);
    await s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: `${name}/train.csv`, Body: data.train.map(csvWithLabel).join("") }),
    );
  });
  const artifact = await phase("Train linear-learner", async () => {
    await sagemaker.send(
      new CreateTrainingJobCommand({
        TrainingJobName: name,
        AlgorithmSpecification: { TrainingImage: image, TrainingInputMode: "File" },
        RoleArn: roleArn,
        HyperParameters: {
          predictor_type: "multiclass_classifier",
          num_classes: String(data.species.length),
          mini_batch_size: "32",
          epochs: "60",
        },
        InputDataConfig: [
          {
            ChannelName: "train",
            ContentType: "text/csv",
            DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: `s3://${bucket}/${name}/train.csv` } },
          },
        ],
        OutputDataConfig: { S3OutputPath: `s3://${bucket}/models` },
        ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
        StoppingCondition: { MaxRuntimeInSeconds: 600 },
      }),
    );
    await waitUntilTrainingJobCompletedOrStopped({ client: sagemaker, ...waiting }, { TrainingJobName: name });
    const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
    if (job.TrainingJobStatus !== "Completed")
      throw new CommandError(`the job ${name} ended ${job.TrainingJobStatus}: ${job.FailureReason}`);
    return job.ModelArtifacts?.S3ModelArtifacts ?? "";
  });
  await phase("Deploy it to an endpoint", async () => {
    await sagemaker.send(
      new CreateModelCommand({
        ModelName: name,
        ExecutionRoleArn: roleArn,
        PrimaryContainer: { Image: image, ModelDataUrl: artifact },
      }),
    );
    await sagemaker.send(
      new CreateEndpointConfigCommand({
        EndpointConfigName: name,
        ProductionVariants: [
          { VariantName: "AllTraffic", ModelName: name, InstanceType: "ml.m5.large", InitialInstanceCount: 1 },
        ],
      }),
    );
    await sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
    await waitUntilEndpointInService({ client: sagemaker, ...waiting }, { EndpointName: name });
  });
  const predicted = await phase(`Predict ${data.heldOut.length} held-out penguins`, async () => {
    const answer = await runtime.send(
      new InvokeEndpointCommand({
        EndpointName: name,
        ContentType: "text/csv",
        Body: data.heldOut.map((row) => `${row.features.join(",")}\n`).join(""),
      }),
    );
    const body = JSON.parse(new TextDecoder().decode(answer.Body)) as { predictions: { predicted_label: number }[] };
    return body.predictions.map((prediction) => prediction.predicted_label);
  });
  if (options.tidyUp) await sagemaker.send(new DeleteEndpointCommand({ EndpointName: name }));
  return predicted;
}

function csvWithLabel(row: LabelledRow): string {
  return `${row.label},${row.features.join(",")}\n`;
}

function ignoreOwnBucket(error: Error): void {
  if (error.name !== "BucketAlreadyOwnedByYou") throw error;
}
