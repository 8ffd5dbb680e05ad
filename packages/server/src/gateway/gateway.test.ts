import { GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import {
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import {
  CreateTrainingJobCommand,
  DeleteEndpointCommand,
  DeleteModelCommand,
  DescribeTrainingJobCommand,
  SageMakerClient,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resourceInUse } from "../errors.ts";
import { iamService } from "../services/iam/service.ts";
import type { Service } from "../services/service.ts";
import { stsService } from "../services/sts/service.ts";
import { startTestServer, type TestServer } from "./testkit.ts";

const calls: { operation: string; input: unknown; scope: unknown }[] = [];

function note(operation: string, output: unknown = {}) {
  return async (input: unknown, context: { scope: unknown }) => {
    calls.push({ operation, input, scope: context.scope });
    if (output instanceof Error) throw output;
    return output;
  };
}

const sagemaker: Service = {
  name: "sagemaker",
  signingNames: ["sagemaker"],
  protocol: "aws-json-1.1",
  targetPrefixes: ["SageMaker"],
  operations: {
    DescribeTrainingJob: note("DescribeTrainingJob", {
      TrainingJobName: "a",
      CreationTime: new Date(1_700_000_000_123),
      FinalMetricDataList: [{ MetricName: "m", Value: 0.5 }],
    }),
    CreateTrainingJob: note("CreateTrainingJob", resourceInUse("Taken.")),
    DeleteEndpoint: async () => {
      throw new Error("a secret detail");
    },
    DeleteModel: async () => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    },
  },
};

const runtime: Service = {
  name: "sagemaker-runtime",
  signingNames: ["sagemaker"],
  protocol: "rest-json",
  operations: {},
  streamOperations: {
    async InvokeEndpoint(input: { EndpointName?: string; ContentType?: string }, _context, { response, body }) {
      const bytes = await body.read(1000);
      response.setHeader("content-type", "text/csv");
      response.end(`${input.EndpointName} ${input.ContentType} ${bytes}`);
    },
  },
};

const s3: Service = {
  name: "s3",
  signingNames: ["s3"],
  protocol: "rest-xml",
  operations: {
    ListObjectsV2: note("ListObjectsV2", {
      Name: "b",
      KeyCount: 1,
      IsTruncated: false,
      Contents: [{ Key: "a & b", Size: 3, ETag: '"x"', LastModified: new Date(1_700_000_000_000) }],
    }),
    DeleteObjects: note("DeleteObjects", { Deleted: [{ Key: "k1" }] }),
    GetBucketLocation: note("GetBucketLocation", { LocationConstraint: "eu-west-1" }),
    GetObject: note("GetObject", {
      Body: Buffer.from("hello"),
      ContentType: "text/plain",
      ETag: '"e"',
      LastModified: new Date(1_700_000_000_000),
      Metadata: { colour: "red" },
    }),
    async PutObject(input: { Body: AsyncIterable<Buffer>; Metadata?: object; Key?: string }) {
      const parts: Buffer[] = [];
      for await (const part of input.Body) parts.push(part);
      calls.push({ operation: "PutObject", input: { ...input, Body: Buffer.concat(parts).toString() }, scope: {} });
      return { ETag: '"put"' };
    },
  } as Service["operations"],
};

let server: TestServer;
beforeAll(async () => {
  let create: Parameters<typeof stsService>[0] | undefined;
  server = await startTestServer({
    services: [
      sagemaker,
      runtime,
      s3,
      iamService,
      stsService((grant) => (create as NonNullable<typeof create>)(grant)),
    ],
  });
  create = server.credentialStore.createSession;
});
afterAll(() => server.close());

test("AWS JSON: an answer with times and numbers comes back as the SDK's types", async () => {
  const client = new SageMakerClient(server.client);
  const job = await client.send(new DescribeTrainingJobCommand({ TrainingJobName: "a" }));
  expect(job.CreationTime).toEqual(new Date(1_700_000_000_123));
  expect(job.FinalMetricDataList?.[0]).toMatchObject({ MetricName: "m", Value: 0.5 });
  expect(calls.at(-1)).toMatchObject({
    input: { TrainingJobName: "a" },
    scope: { account: "111122223333", region: "us-west-2", partition: "aws" },
  });
});

test("REST-XML: lists, documents in, unwrapped text, metadata and bodies", async () => {
  const client = new S3Client({ ...server.client, forcePathStyle: true });
  const listed = await client.send(new ListObjectsV2Command({ Bucket: "bucket", Prefix: "a b/+é" }));
  expect(listed.Contents).toEqual([{ Key: "a & b", Size: 3, ETag: '"x"', LastModified: new Date(1_700_000_000_000) }]);
  expect(calls.at(-1)?.input).toMatchObject({ Bucket: "bucket", Prefix: "a b/+é" });
  const deleted = await client.send(
    new DeleteObjectsCommand({ Bucket: "bucket", Delete: { Objects: [{ Key: "k1" }, { Key: "<&>" }] } }),
  );
  expect(deleted.Deleted).toEqual([{ Key: "k1" }]);
  expect(calls.at(-1)?.input).toMatchObject({ Delete: { Objects: [{ Key: "k1" }, { Key: "<&>" }] } });
  const location = await client.send(new GetBucketLocationCommand({ Bucket: "bucket" }));
  expect(location.LocationConstraint).toBe("eu-west-1");
  const got = await client.send(new GetObjectCommand({ Bucket: "bucket", Key: "a//b/../c é!'()*" }));
  expect(await got.Body?.transformToString()).toBe("hello");
  expect(got.Metadata).toEqual({ colour: "red" });
  expect(calls.at(-1)?.input).toMatchObject({ Bucket: "bucket", Key: "a//b/../c é!'()*" });
  const put = await client.send(
    new PutObjectCommand({ Bucket: "bucket", Key: "/k/", Body: "payload", Metadata: { a: "1" } }),
  );
  expect(put.ETag).toBe('"put"');
  expect(calls.at(-1)?.input).toMatchObject({ Key: "/k/", Body: "payload", Metadata: { a: "1" } });
});

test("REST-JSON: a stream operation has its labels, headers and whole body", async () => {
  const client = new SageMakerRuntimeClient(server.client);
  const answer = await client.send(
    new InvokeEndpointCommand({ EndpointName: "e-1", Body: Buffer.from("1,2"), ContentType: "text/csv" }),
  );
  expect(Buffer.from(answer.Body as Uint8Array).toString()).toBe("e-1 text/csv 1,2");
});

test("Query: the caller's identity, and the role behind it", async () => {
  const identity = await new STSClient(server.client).send(new GetCallerIdentityCommand({}));
  expect(identity.Arn).toBe("arn:aws:sts::111122223333:assumed-role/SagebrushExecutionRole/sagebrush");
  expect(identity.Account).toBe("111122223333");
  const iam = new IAMClient(server.client);
  const role = await iam.send(new GetRoleCommand({ RoleName: "SageMakerRole" }));
  expect(role.Role?.Arn).toBe("arn:aws:iam::111122223333:role/SageMakerRole");
  await expect(iam.send(new GetRoleCommand({ RoleName: "nobody" }))).rejects.toMatchObject({
    name: "NoSuchEntityException",
    $metadata: { httpStatusCode: 404 },
  });
});

test("a session acts in the role's account, and nobody else's key works", async () => {
  const sts = new STSClient(server.client);
  const assumed = await sts.send(
    new AssumeRoleCommand({ RoleArn: "arn:aws:iam::999988887777:role/team/Data", RoleSessionName: "me" }),
  );
  const { AccessKeyId, SecretAccessKey, SessionToken } = assumed.Credentials ?? {};
  const credentials = {
    accessKeyId: AccessKeyId as string,
    secretAccessKey: SecretAccessKey as string,
    sessionToken: SessionToken as string,
  };
  const identity = await new STSClient({ ...server.client, credentials }).send(new GetCallerIdentityCommand({}));
  expect(identity).toMatchObject({
    Account: "999988887777",
    Arn: "arn:aws:sts::999988887777:assumed-role/Data/me",
  });
  const wrong = { ...server.client.credentials, secretAccessKey: "x".repeat(40) };
  const other = new SageMakerClient({ ...server.client, credentials: wrong });
  await expect(other.send(new DescribeTrainingJobCommand({ TrainingJobName: "a" }))).rejects.toMatchObject({
    name: "InvalidSignatureException",
    $metadata: { httpStatusCode: 403 },
  });
});

test("errors: a service's own, an operation that is not built, and a bug without its detail", async () => {
  const client = new SageMakerClient(server.client);
  const job = {
    TrainingJobName: "a",
    RoleArn: "arn:aws:iam::111122223333:role/SagebrushExecutionRole",
    AlgorithmSpecification: { TrainingInputMode: "File", TrainingImage: "linear-learner" },
    OutputDataConfig: { S3OutputPath: "s3://b/o" },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
    StoppingCondition: { MaxRuntimeInSeconds: 60 },
  } as const;
  await expect(client.send(new CreateTrainingJobCommand(job))).rejects.toMatchObject({
    name: "ResourceInUse",
    message: "Taken.",
    $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  });
  await expect(client.send(new DeleteEndpointCommand({ EndpointName: "e" }))).rejects.toMatchObject({
    name: "InternalFailure",
    message: expect.not.stringContaining("secret"),
  });
  const once = new SageMakerClient({ ...server.client, maxAttempts: 1 });
  await expect(once.send(new DeleteModelCommand({ ModelName: "m" }))).rejects.toMatchObject({
    name: "ServiceUnavailable",
    message: expect.stringContaining("The disk of this server is full"),
    $metadata: { httpStatusCode: 503 },
  });
});
