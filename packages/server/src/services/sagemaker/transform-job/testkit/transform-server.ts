import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { CloudWatchLogsClient, DescribeLogStreamsCommand, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateModelCommand,
  CreateTransformJobCommand,
  type CreateTransformJobCommandInput,
  DescribeTransformJobCommand,
  type DescribeTransformJobCommandOutput,
} from "@aws-sdk/client-sagemaker";
import { openCredentials } from "../../../../gateway/credentials.ts";
import type { FakeEngine } from "../../../../serving/testkit/fake-engine.ts";
import { modelArchive, type ServingServer, startServingServer } from "../../../../serving/testkit/serving-server.ts";

/** What a test changes of the ordinary request. */
export type JobChanges = Partial<CreateTransformJobCommandInput>;

/** A request to a model of a test, whole. */
export interface ModelCall {
  readonly runId: string;
  readonly body: string;
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
}

/** What a model of a test answers: a text with status 200, or a status and a text. `undefined` leaves it to the test. */
export type ModelAnswer = string | readonly [number, string] | undefined;

/** A server with the bucket `data` and the model `model`, whose requests a function answers. */
export class TransformServer {
  server: ServingServer;
  /** Every whole request, in the order in which they came. */
  readonly calls: ModelCall[] = [];
  /** Answers requests. */
  model: (call: ModelCall, response: ServerResponse) => ModelAnswer | Promise<ModelAnswer> = ({ body }) => body;
  /** Answers `GET /execution-parameters`; 404 where it is absent. */
  parameters: object | string | undefined;
  #names = 0;

  private constructor(server: ServingServer) {
    this.server = server;
    this.engine.behaviour = (request, response, { id }) => void this.#serve(id, request, response);
  }

  static async start(options: Parameters<typeof startServingServer>[0] = {}): Promise<TransformServer> {
    const world = new TransformServer(await startServingServer(options));
    const { platform, account } = world.server;
    await platform.objects.buckets.create("data", { owner: account, region: "eu-west-1", settings: {} });
    const url = await world.server.upload("model.tar.gz", modelArchive());
    const container = { Image: "linear-learner", ModelDataUrl: url, Environment: { OF_MODEL: "1", BOTH: "model" } };
    const role = `arn:aws:iam::${account}:role/SagebrushExecutionRole`;
    await world.server.sagemaker.send(
      new CreateModelCommand({ ModelName: "model", ExecutionRoleArn: role, PrimaryContainer: container }),
    );
    return world;
  }

  get engine(): FakeEngine {
    return this.server.engine;
  }

  get bodies(): string[] {
    return this.calls.map(({ body }) => body);
  }

  /** Stores objects of the bucket `data`. */
  async put(objects: Readonly<Record<string, string | Buffer>>): Promise<void> {
    for (const [key, content] of Object.entries(objects)) {
      await this.server.platform.objects.put("data", key, Readable.from([Buffer.from(content)]));
    }
  }

  /** Keys below a prefix of the bucket `data`, with their contents. */
  async objects(prefix: string): Promise<Record<string, string>> {
    const { objects } = this.server.platform;
    const found: Record<string, string> = {};
    for await (const { bucket, key } of objects.list("data", prefix))
      found[key] = await text(await objects.read(bucket, key));
    return found;
  }

  /** An ordinary request: lines of CSV below `in/`, one by one, to `out`. */
  request(changes: JobChanges = {}): CreateTransformJobCommandInput {
    this.#names += 1;
    const { TransformInput, TransformOutput, ...rest } = changes;
    return {
      TransformJobName: `Job-${this.#names}`,
      ModelName: "model",
      BatchStrategy: "SingleRecord",
      TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1 },
      TransformInput: {
        DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/in/" } },
        ContentType: "text/csv",
        SplitType: "Line",
        ...TransformInput,
      },
      TransformOutput: { S3OutputPath: "s3://data/out", AssembleWith: "Line", ...TransformOutput },
      ...rest,
    };
  }

  /** Creates a job. @returns Its name. */
  async create(changes: JobChanges = {}): Promise<string> {
    const request = this.request(changes);
    await this.server.sagemaker.send(new CreateTransformJobCommand(request));
    return request.TransformJobName as string;
  }

  describe(name: string): Promise<DescribeTransformJobCommandOutput> {
    return this.server.sagemaker.send(new DescribeTransformJobCommand({ TransformJobName: name }));
  }

  /** Waits until a job has ended. */
  async ended(name: string): Promise<DescribeTransformJobCommandOutput> {
    for (;;) {
      const job = await this.describe(name);
      if (["Completed", "Failed", "Stopped"].includes(job.TransformJobStatus as string)) return job;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Creates a job and waits for its end. */
  async transform(changes: JobChanges = {}): Promise<DescribeTransformJobCommandOutput> {
    return await this.ended(await this.create(changes));
  }

  /** The streams of a job, with their lines. */
  async logs(job: string): Promise<Record<string, string[]>> {
    const { address, platform } = this.server;
    const { root } = openCredentials(platform.dataDirectory.credentials);
    const client = new CloudWatchLogsClient({ endpoint: address, region: "eu-west-1", credentials: root });
    const group = "/aws/sagemaker/TransformJobs";
    const { logStreams = [] } = await client.send(
      new DescribeLogStreamsCommand({ logGroupName: group, logStreamNamePrefix: `${job}/` }),
    );
    const found: Record<string, string[]> = {};
    for (const { logStreamName } of logStreams) {
      const { events = [] } = await client.send(
        new GetLogEventsCommand({ logGroupName: group, logStreamName, startFromHead: true }),
      );
      found[logStreamName as string] = events.map(({ message }) => message as string);
    }
    client.destroy();
    return found;
  }

  async restart(): Promise<void> {
    this.server = await this.server.restart();
  }

  close(): Promise<void> {
    return this.server.close();
  }

  async #serve(runId: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === "/execution-parameters") {
      if (this.parameters === undefined) return void response.writeHead(404).end();
      return void response.end(typeof this.parameters === "string" ? this.parameters : JSON.stringify(this.parameters));
    }
    // A request that was broken off is none.
    const body = await text(request).catch(() => undefined);
    if (body === undefined) return;
    const { "content-type": contentType, accept } = request.headers;
    const call: ModelCall = { runId, body, contentType, accept };
    this.calls.push(call);
    const answer = await this.model(call, response);
    if (answer === undefined) return;
    const [status, content] = typeof answer === "string" ? [200, answer] : answer;
    response.writeHead(status, { "content-type": contentType ?? "text/plain" }).end(content);
  }
}
