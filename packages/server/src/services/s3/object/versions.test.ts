import {
  CopyObjectCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type S3TestServer, startS3 } from "../testkit.ts";

let server: S3TestServer;
beforeAll(async () => {
  server = await startS3();
});
afterAll(() => server.close());

async function versioned(Status: "Enabled" | "Suspended" = "Enabled"): Promise<string> {
  const Bucket = await server.bucket();
  await version(Bucket, Status);
  return Bucket;
}
const version = (Bucket: string, Status: "Enabled" | "Suspended") =>
  server.s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
const put = async (Bucket: string, Body: string) =>
  (await server.s3.send(new PutObjectCommand({ Bucket, Key: "k", Body }))).VersionId;
const remove = (Bucket: string, VersionId?: string) =>
  server.s3.send(new DeleteObjectCommand({ Bucket, Key: "k", ...(VersionId && { VersionId }) }));
const read = async (Bucket: string, VersionId?: string) => {
  const got = await server.s3.send(new GetObjectCommand({ Bucket, Key: "k", ...(VersionId && { VersionId }) }));
  return got.Body?.transformToString();
};

test("older versions stay readable, and deleting the newest brings the one before back", async () => {
  const Bucket = await versioned();
  const [one, two, three] = [await put(Bucket, "1"), await put(Bucket, "2"), await put(Bucket, "3")];
  expect(new Set([one, two, three]).size).toBe(3);
  expect([await read(Bucket), await read(Bucket, one), await read(Bucket, two)]).toEqual(["3", "1", "2"]);
  await remove(Bucket, three);
  expect(await read(Bucket)).toBe("2");
  await remove(Bucket, one);
  expect(await read(Bucket)).toBe("2");
  await expect(read(Bucket, one)).rejects.toMatchObject({ name: "NoSuchVersion" });
});

test("a delete marker hides the object until it is deleted itself", async () => {
  const Bucket = await versioned();
  const one = await put(Bucket, "1");
  const marker = await remove(Bucket);
  expect(marker.DeleteMarker).toBe(true);
  const error = await read(Bucket).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: "NoSuchKey", $response: { headers: { "x-amz-delete-marker": "true" } } });
  await expect(
    server.s3.send(new HeadObjectCommand({ Bucket, Key: "k", VersionId: marker.VersionId as string })),
  ).rejects.toMatchObject({ $metadata: { httpStatusCode: 405 } });
  expect((await server.s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
  expect(await read(Bucket, one)).toBe("1");
  expect(await remove(Bucket, marker.VersionId)).toMatchObject({ DeleteMarker: true });
  expect(await read(Bucket)).toBe("1");
});

test("suspended: the null version is replaced, versions from before stay", async () => {
  const Bucket = await server.bucket();
  expect(await put(Bucket, "before")).toBeUndefined();
  await version(Bucket, "Enabled");
  const one = await put(Bucket, "1");
  expect(await read(Bucket, "null")).toBe("before");
  await version(Bucket, "Suspended");
  expect(await put(Bucket, "null 1")).toBe("null");
  expect(await put(Bucket, "null 2")).toBe("null");
  const listed = await server.s3.send(new ListObjectVersionsCommand({ Bucket }));
  expect(listed.Versions?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest])).toEqual([
    ["null", true],
    [one, false],
  ]);
  expect([await read(Bucket), await read(Bucket, "null"), await read(Bucket, one)]).toEqual(["null 2", "null 2", "1"]);
  expect(await remove(Bucket)).toMatchObject({ DeleteMarker: true, VersionId: "null" });
  await remove(Bucket, "null");
  expect(await read(Bucket)).toBe("1");
});

test("an old version can be copied over the current one; a bucket with versions cannot be deleted", async () => {
  const Bucket = await versioned();
  const one = await put(Bucket, "1");
  await put(Bucket, "2");
  const copied = await server.s3.send(
    new CopyObjectCommand({ Bucket, Key: "k", CopySource: `${Bucket}/k?versionId=${one}` }),
  );
  expect(copied.CopySourceVersionId).toBe(one);
  expect(await read(Bucket)).toBe("1");
  await remove(Bucket);
  await expect(server.s3.send(new DeleteBucketCommand({ Bucket }))).rejects.toMatchObject({ name: "BucketNotEmpty" });
  const { Versions = [], DeleteMarkers = [] } = await server.s3.send(new ListObjectVersionsCommand({ Bucket }));
  for (const { VersionId } of [...Versions, ...DeleteMarkers]) await remove(Bucket, VersionId);
  await server.s3.send(new DeleteBucketCommand({ Bucket }));
});
