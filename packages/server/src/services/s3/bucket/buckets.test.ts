import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketCorsCommand,
  GetBucketAclCommand,
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutBucketAclCommand,
  PutBucketCorsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type S3TestServer, startS3 } from "../testkit.ts";

let server: S3TestServer;
beforeAll(async () => {
  server = await startS3();
});
afterAll(() => server.close());

function fails(promise: Promise<unknown>, name: string, status: number) {
  return expect(promise).rejects.toMatchObject({ name, $metadata: { httpStatusCode: status } });
}

test("a bucket is made, found, located, listed and deleted", async () => {
  const Bucket = "spine-bucket";
  const CreateBucketConfiguration = { LocationConstraint: "eu-west-1" as const };
  const made = await server.s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration }));
  expect(made.Location).toBe("/spine-bucket");
  const head = await server.s3.send(new HeadBucketCommand({ Bucket, ExpectedBucketOwner: "111122223333" }));
  expect(head.BucketRegion).toBe("eu-west-1");
  const location = await server.s3.send(new GetBucketLocationCommand({ Bucket }));
  expect(location.LocationConstraint).toBe("eu-west-1");
  const { Buckets } = await server.s3.send(new ListBucketsCommand({ Prefix: "spine" }));
  expect(Buckets).toEqual([{ Name: Bucket, BucketRegion: "eu-west-1", CreationDate: expect.any(Date) }]);
  await fails(server.s3.send(new CreateBucketCommand({ Bucket })), "BucketAlreadyOwnedByYou", 409);
  await server.s3.send(new PutObjectCommand({ Bucket, Key: "k" }));
  await fails(server.s3.send(new DeleteBucketCommand({ Bucket })), "BucketNotEmpty", 409);
  await fails(server.s3.send(new HeadBucketCommand({ Bucket: "spine-other" })), "NotFound", 404);
});

test("a bucket in us-east-1 has no location constraint and may be created twice", async () => {
  const Bucket = "east-bucket";
  const create = () =>
    server.s3.send(
      new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: "us-east-1" as never } }),
    );
  await create();
  await create();
  expect((await server.s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBeFalsy();
});

test("an owner other than the expected one is refused", async () => {
  const Bucket = await server.bucket();
  const ExpectedBucketOwner = "999999999999";
  await expect(server.s3.send(new HeadBucketCommand({ Bucket, ExpectedBucketOwner }))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 403 },
  });
  await fails(server.s3.send(new PutObjectCommand({ Bucket, Key: "k", ExpectedBucketOwner })), "AccessDenied", 403);
});

test.for(["ab", "UPPER", "under_score", "a..b", "192.168.0.1", "-dash", "x".repeat(64)])(
  "%s is no bucket name",
  async (Bucket) => {
    await fails(server.s3.send(new CreateBucketCommand({ Bucket })), "InvalidBucketName", 400);
  },
);

test("pages of buckets", async () => {
  const names = ["page-a", "page-b", "page-c"];
  for (const Bucket of names) await server.s3.send(new CreateBucketCommand({ Bucket }));
  const seen: (string | undefined)[] = [];
  for (let ContinuationToken: string | undefined; ; ) {
    const page = await server.s3.send(
      new ListBucketsCommand({ Prefix: "page-", MaxBuckets: 2, ...(ContinuationToken && { ContinuationToken }) }),
    );
    seen.push(...(page.Buckets ?? []).map(({ Name }) => Name));
    ContinuationToken = page.ContinuationToken;
    if (!ContinuationToken) break;
  }
  expect(seen).toEqual(names);
});

test("settings are stored and returned", async () => {
  const Bucket = await server.bucket();
  await fails(server.s3.send(new GetBucketCorsCommand({ Bucket })), "NoSuchCORSConfiguration", 404);
  const CORSRules = [{ AllowedMethods: ["GET"], AllowedOrigins: ["https://*.example.com"], MaxAgeSeconds: 10 }];
  await server.s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
  expect((await server.s3.send(new GetBucketCorsCommand({ Bucket }))).CORSRules).toEqual(CORSRules);
  await server.s3.send(new DeleteBucketCorsCommand({ Bucket }));
  await fails(server.s3.send(new GetBucketCorsCommand({ Bucket })), "NoSuchCORSConfiguration", 404);

  const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms" as const, KMSMasterKeyID: "k" } }];
  const ServerSideEncryptionConfiguration = { Rules };
  await server.s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }));
  const encryption = await server.s3.send(new GetBucketEncryptionCommand({ Bucket }));
  expect(encryption.ServerSideEncryptionConfiguration).toEqual(ServerSideEncryptionConfiguration);

  const block = await server.s3.send(new GetPublicAccessBlockCommand({ Bucket }));
  expect(block.PublicAccessBlockConfiguration?.BlockPublicAcls).toBe(true);
  const PublicAccessBlockConfiguration = { BlockPublicAcls: false, BlockPublicPolicy: true };
  await server.s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
  const changed = await server.s3.send(new GetPublicAccessBlockCommand({ Bucket }));
  expect(changed.PublicAccessBlockConfiguration).toMatchObject(PublicAccessBlockConfiguration);

  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });
  await server.s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
  expect((await server.s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toBe(Policy);
  await fails(server.s3.send(new PutBucketPolicyCommand({ Bucket, Policy: "{" })), "MalformedPolicy", 400);

  const rule = {
    ID: "old",
    Status: "Enabled" as const,
    Filter: { Prefix: "x" },
    Expiration: { Date: new Date(86_400_000) },
  };
  await server.s3.send(
    new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [rule] } }),
  );
  expect((await server.s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules).toEqual([rule]);

  await fails(server.s3.send(new GetBucketTaggingCommand({ Bucket })), "NoSuchTagSet", 404);
  const TagSet = [{ Key: "team", Value: "ml" }];
  await server.s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
  expect((await server.s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toEqual(TagSet);

  expect((await server.s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined();
  const { Grants } = await server.s3.send(new GetBucketAclCommand({ Bucket }));
  expect(Grants?.[0]?.Permission).toBe("FULL_CONTROL");
  await server.s3.send(new PutBucketAclCommand({ Bucket, ACL: "private" }));
  await fails(
    server.s3.send(new PutBucketAclCommand({ Bucket, ACL: "public-read" })),
    "AccessControlListNotSupported",
    400,
  );
});

test("a bucket's CORS rules admit a browser", async () => {
  const Bucket = await server.bucket();
  const ask = () =>
    fetch(`${server.endpoint}/${Bucket}/k`, {
      method: "OPTIONS",
      headers: { origin: "https://app.example.com", "access-control-request-method": "PUT" },
    });
  expect((await ask()).status).toBe(403);
  const CORSRules = [{ AllowedMethods: ["PUT"], AllowedOrigins: ["https://*.example.com"], AllowedHeaders: ["*"] }];
  await server.s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
  const answer = await ask();
  expect(answer.status).toBe(200);
  expect(answer.headers.get("access-control-allow-methods")).toContain("PUT");
});
