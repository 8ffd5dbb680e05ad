import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  type CreateModelCommandInput,
  CreateTrainingJobCommand,
  DeleteEndpointCommand,
  DescribeTrainingJobCommand,
  type DescribeTrainingJobCommandOutput,
  SageMakerClient,
  waitUntilEndpointDeleted,
  waitUntilEndpointInService,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { readConfiguration } from "../../configuration.ts";
import { type Server, startServer } from "../../main.ts";
import { hostArchitecture } from "../image-config.ts";

const account = "000000000000";
const RoleArn = `arn:aws:iam::${account}:role/SagebrushExecutionRole`;
const repository = "classic";

/** A server on a data directory that has images of one repository and the bucket `data`, and its clients. */
export class ImageWorld {
  readonly #server: Server;
  readonly #s3: S3Client;
  readonly #sagemaker: SageMakerClient;
  readonly #runtime: SageMakerRuntimeClient;
  readonly #logs: CloudWatchLogsClient;
  readonly #ecr: ECRClient;
  readonly #authorization: string;
  #jobs = 0;

  private constructor(server: Server, credentials: { accessKeyId: string; secretAccessKey: string }) {
    const client = { endpoint: server.url, region: "us-east-1", credentials };
    this.#server = server;
    this.#s3 = new S3Client({ ...client, forcePathStyle: true });
    this.#sagemaker = new SageMakerClient(client);
    this.#runtime = new SageMakerRuntimeClient(client);
    this.#logs = new CloudWatchLogsClient(client);
    this.#ecr = new ECRClient(client);
    const pair = `${credentials.accessKeyId}:${credentials.secretAccessKey}`;
    this.#authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
  }

  static async start(directory: string, settings: Record<string, string | readonly string[]>): Promise<ImageWorld> {
    const server = await startServer(readConfiguration({ "data-dir": directory, port: "0", ...settings }, {}));
    return new ImageWorld(server, JSON.parse(readFileSync(join(directory, "credentials.json"), "utf8")));
  }

  /** Makes the repository, and the bucket with `train/a.csv`. */
  async fill(): Promise<void> {
    await this.#ecr.send(new CreateRepositoryCommand({ repositoryName: repository }));
    await this.#s3.send(new CreateBucketCommand({ Bucket: "data" }));
    await this.#s3.send(new PutObjectCommand({ Bucket: "data", Key: "train/a.csv", Body: "1,2\n3,4\n" }));
  }

  /** Pushes an image of uncompressed layers. @param config - `Entrypoint`, `Env` and the like. */
  async push(tag: string, layers: readonly Buffer[], config: object): Promise<void> {
    const diffIds = layers.map(digestOf);
    const about = {
      architecture: hostArchitecture(),
      os: "linux",
      config,
      rootfs: { type: "layers", diff_ids: diffIds },
    };
    const blobs = [Buffer.from(JSON.stringify(about)), ...layers];
    for (const blob of blobs) {
      const known = await this.#call("HEAD", `blobs/${digestOf(blob)}`);
      if (known.status === 200) continue;
      await this.#created("POST", `blobs/uploads/?digest=${digestOf(blob)}`, blob);
    }
    const [first, ...rest] = blobs.map((blob, at) => ({
      mediaType: `application/vnd.oci.image.${at === 0 ? "config.v1+json" : "layer.v1.tar"}`,
      digest: digestOf(blob),
      size: blob.length,
    }));
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config: first, layers: rest });
    await this.#created("PUT", `manifests/${tag}`, manifest, { "content-type": mediaType });
  }

  async train(
    engine: string,
    tag: string,
    HyperParameters: Record<string, string>,
  ): Promise<{ job: DescribeTrainingJobCommandOutput; lines: string[] }> {
    const TrainingJobName = `${engine}-${tag}-${++this.#jobs}`;
    const S3DataSource = { S3DataType: "S3Prefix", S3Uri: "s3://data/train/" } as const;
    await this.#sagemaker.send(
      new CreateTrainingJobCommand({
        TrainingJobName,
        RoleArn,
        AlgorithmSpecification: { TrainingImage: imageOf(tag), TrainingInputMode: "File" },
        HyperParameters,
        InputDataConfig: [{ ChannelName: "train", DataSource: { S3DataSource } }],
        OutputDataConfig: { S3OutputPath: "s3://data/out" },
        ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
        StoppingCondition: { MaxRuntimeInSeconds: 600 },
      }),
    );
    for (;;) {
      const job = await this.#sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName }));
      if (job.TrainingJobStatus !== "InProgress") return { job, lines: await this.#lines(TrainingJobName) };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Serves the image of a tag under a name, asks it once and takes it down. @returns Its answer, which is JSON. */
  async ask(
    name: string,
    tag: string,
    body: string,
    { ModelDataUrl, ...model }: Partial<CreateModelCommandInput> & { ModelDataUrl?: string } = {},
  ): Promise<unknown> {
    const [ModelName, EndpointConfigName, EndpointName] = [name, name, name];
    const PrimaryContainer = { Image: imageOf(tag), ModelDataUrl };
    await this.#sagemaker.send(
      new CreateModelCommand({ ModelName, ExecutionRoleArn: RoleArn, PrimaryContainer, ...model }),
    );
    const variant = { VariantName: "All", ModelName, InstanceType: "ml.m5.large", InitialInstanceCount: 1 } as const;
    await this.#sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName, ProductionVariants: [variant] }));
    await this.#sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName }));
    const waiting = { client: this.#sagemaker, maxWaitTime: 100, minDelay: 1, maxDelay: 1 };
    await waitUntilEndpointInService(waiting, { EndpointName });
    const input = { EndpointName, ContentType: "text/plain", Body: Buffer.from(body) };
    const { Body } = await this.#runtime.send(new InvokeEndpointCommand(input));
    await this.#sagemaker.send(new DeleteEndpointCommand({ EndpointName }));
    await waitUntilEndpointDeleted(waiting, { EndpointName });
    return JSON.parse(Buffer.from(Body).toString());
  }

  /** A file of the model that a job left in S3. */
  async fromModel(job: DescribeTrainingJobCommandOutput, name: string): Promise<string> {
    const Key = new URL(job.ModelArtifacts?.S3ModelArtifacts ?? "").pathname.slice(1);
    const { Body } = await this.#s3.send(new GetObjectCommand({ Bucket: "data", Key }));
    const input = (await Body?.transformToByteArray()) as Uint8Array;
    return execFileSync("tar", ["-xzOf", "-", name], { input, encoding: "utf8" });
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  async #lines(job: string): Promise<string[]> {
    const group = { logGroupName: "/aws/sagemaker/TrainingJobs", logStreamNamePrefix: `${job}/` };
    const { events = [] } = await this.#logs.send(new FilterLogEventsCommand(group));
    return events.map(({ message }) => message ?? "");
  }

  async #created(
    method: string,
    path: string,
    body: string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<void> {
    const { status } = await this.#call(method, path, body, headers);
    if (status !== 201) throw new Error(`${method} ${path} answered ${status}`);
  }

  #call(method: string, path: string, body?: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.#server.url}/v2/${repository}/${path}`, {
      method,
      headers: { authorization: this.#authorization, ...headers },
      ...(body !== undefined && { body: body as string }),
    });
  }
}

function imageOf(tag: string): string {
  return `${account}.dkr.ecr.us-east-1.amazonaws.com/${repository}:${tag}`;
}

function digestOf(blob: Buffer): string {
  return `sha256:${createHash("sha256").update(blob).digest("hex")}`;
}
