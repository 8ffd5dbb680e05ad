import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type S3TestServer, startS3 } from "../testkit.ts";

let server: S3TestServer;
let Bucket: string;

beforeAll(async () => {
  server = await startS3();
  Bucket = await server.bucket();
});
afterAll(() => server.close());

async function put(Key: string, Body: string | Uint8Array = Key, more = {}) {
  return server.s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
}
async function text(Key: string, more = {}): Promise<string> {
  const { Body } = await server.s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return Body?.transformToString() ?? "";
}
function fails(promise: Promise<unknown>, name: string, status: number) {
  return expect(promise).rejects.toMatchObject({ name, $metadata: { httpStatusCode: status } });
}

test("what was put comes back with everything that was said about it", async () => {
  const attributes = {
    ContentType: "text/csv; charset=utf-8",
    CacheControl: "max-age=60",
    ContentDisposition: 'attachment; filename="a.csv"',
    ContentEncoding: "gzip",
    ContentLanguage: "de",
    StorageClass: "STANDARD_IA" as const,
    Metadata: { colour: "blue", "two-words": "a b" },
  };
  const { ETag } = await put("full", "body", { ...attributes, Tagging: "team=ml&empty=" });
  expect(ETag).toBe(`"${createHash("md5").update("body").digest("hex")}"`);
  const got = await server.s3.send(new GetObjectCommand({ Bucket, Key: "full" }));
  expect(got).toMatchObject({ ...attributes, ETag, ContentLength: 4, AcceptRanges: "bytes", TagCount: 2 });
  expect(await got.Body?.transformToString()).toBe("body");
  const head = await server.s3.send(new HeadObjectCommand({ Bucket, Key: "full" }));
  expect(head).toMatchObject({ ...attributes, ETag, ContentLength: 4 });
});

test("missing keys and buckets", async () => {
  await fails(text("nothing"), "NoSuchKey", 404);
  await fails(server.s3.send(new HeadObjectCommand({ Bucket, Key: "nothing" })), "NotFound", 404);
  await fails(server.s3.send(new GetObjectCommand({ Bucket: "no-such-bucket", Key: "k" })), "NoSuchBucket", 404);
  await fails(server.s3.send(new PutObjectCommand({ Bucket: "no-such-bucket", Key: "k" })), "NoSuchBucket", 404);
  await fails(put("k".repeat(1025)), "KeyTooLongError", 400);
  await put("k".repeat(1024));
});

test.for([
  ["bytes=0-3", "0123", "bytes 0-3/10"],
  ["bytes=4-", "456789", "bytes 4-9/10"],
  ["bytes=-3", "789", "bytes 7-9/10"],
  ["bytes=5-100", "56789", "bytes 5-9/10"],
  ["bytes=-100", "0123456789", "bytes 0-9/10"],
  ["bytes=3-1", "0123456789", undefined],
  ["bytes=0-1,3-4", "0123456789", undefined],
  ["lines=0-1", "0123456789", undefined],
] as const)("range %s", async ([Range, body, range]) => {
  await put("digits", "0123456789");
  const got = await server.s3.send(new GetObjectCommand({ Bucket, Key: "digits", Range }));
  expect(await got.Body?.transformToString()).toBe(body);
  expect(got.ContentRange).toBe(range);
  expect(got.$metadata.httpStatusCode).toBe(range ? 206 : 200);
});

test("a range of a large object, and ranges that hold nothing", async () => {
  const bytes = randomBytes(3_000_000);
  await put("large", bytes);
  const got = await server.s3.send(new GetObjectCommand({ Bucket, Key: "large", Range: "bytes=1000000-1999999" }));
  expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(bytes.subarray(1_000_000, 2_000_000))).toBe(
    true,
  );
  await put("empty", "");
  expect(await text("empty")).toBe("");
  await fails(text("large", { Range: "bytes=3000000-" }), "InvalidRange", 416);
  await fails(text("empty", { Range: "bytes=0-" }), "InvalidRange", 416);
});

test("conditional reads", async () => {
  const { ETag } = await put("conditional");
  const past = new Date(Date.now() - 3_600_000);
  const future = new Date(Date.now() + 3_600_000);
  expect(await text("conditional", { IfMatch: ETag, IfUnmodifiedSince: past })).toBe("conditional");
  expect(await text("conditional", { IfNoneMatch: '"other"', IfModifiedSince: future })).toBe("conditional");
  await fails(text("conditional", { IfMatch: '"other"' }), "PreconditionFailed", 412);
  await fails(text("conditional", { IfUnmodifiedSince: past }), "PreconditionFailed", 412);
  for (const condition of [{ IfNoneMatch: ETag }, { IfModifiedSince: future }]) {
    await expect(text("conditional", condition)).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });
  }
});

test("conditional writes", async () => {
  const { ETag } = await put("guarded", "one", { IfNoneMatch: "*" });
  await fails(put("guarded", "two", { IfNoneMatch: "*" }), "PreconditionFailed", 412);
  await fails(put("guarded", "two", { IfMatch: '"other"' }), "PreconditionFailed", 412);
  await put("guarded", "two", { IfMatch: ETag });
  await fails(put("not-there", "x", { IfMatch: ETag }), "NoSuchKey", 404);
  expect(await text("guarded")).toBe("two");
});

test.for(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "XXHASH64", "XXHASH3", "XXHASH128"] as const)(
  "%s is checked, kept and returned",
  async (name) => {
    const member = `Checksum${name}`;
    for (const [Key, body] of [
      ["sum-small", "abc"],
      ["sum-large", randomBytes(400_000)],
    ] as const) {
      await server.s3.send(new PutObjectCommand({ Bucket, Key, Body: body, ChecksumAlgorithm: name }));
      const got = await server.s3.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
      expect(got.ChecksumType).toBe("FULL_OBJECT");
      const sum = (got as unknown as Record<string, string>)[member];
      expect(sum).toBeTypeOf("string");
      // The client compares it with the body while it reads.
      await got.Body?.transformToByteArray();
      await server.s3.send(new PutObjectCommand({ Bucket, Key, Body: body, [member]: sum }));
      const wrong = Buffer.from(Buffer.from(sum as string, "base64").map((byte) => byte ^ 1)).toString("base64");
      await fails(put(Key, body, { [member]: wrong }), "BadDigest", 400);
    }
  },
);

test("a stream of unknown digest comes with a trailing checksum", async () => {
  const bytes = randomBytes(700_000);
  const Body = Readable.from([bytes.subarray(0, 300_001), bytes.subarray(300_001)]);
  await server.s3.send(new PutObjectCommand({ Bucket, Key: "streamed", Body, ContentLength: bytes.length }));
  const got = await server.s3.send(new GetObjectCommand({ Bucket, Key: "streamed", ChecksumMode: "ENABLED" }));
  expect(got.ChecksumCRC32).toBeTypeOf("string");
  expect(got.ContentEncoding).toBeUndefined();
  expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(bytes)).toBe(true);
});

test("Content-MD5 is checked", async () => {
  await put("md5", "abc", { ContentMD5: createHash("md5").update("abc").digest("base64") });
  await fails(put("md5", "abc", { ContentMD5: createHash("md5").update("x").digest("base64") }), "BadDigest", 400);
  await fails(put("md5", "abc", { ContentMD5: "not one" }), "InvalidDigest", 400);
});

test("copies keep or replace what is said about the object, and outlive their source", async () => {
  await put("from dir/ä+b", randomBytes(100_000), { ContentType: "image/png", Metadata: { a: "1" }, Tagging: "t=1" });
  const CopySource = `${Bucket}/${encodeURIComponent("from dir/ä+b")}`;
  const copied = await server.s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource }));
  expect(copied.CopyObjectResult?.ETag).toBeTypeOf("string");
  const replaced = {
    MetadataDirective: "REPLACE",
    TaggingDirective: "REPLACE",
    ContentType: "x/y",
    Metadata: { b: "2" },
  } as const;
  await server.s3.send(new CopyObjectCommand({ Bucket, Key: "other", CopySource, ...replaced, Tagging: "u=2" }));
  await server.s3.send(new DeleteObjectCommand({ Bucket, Key: "from dir/ä+b" }));
  const copy = await server.s3.send(new GetObjectCommand({ Bucket, Key: "copy" }));
  expect(copy).toMatchObject({ ContentType: "image/png", Metadata: { a: "1" }, TagCount: 1, ContentLength: 100_000 });
  expect((await copy.Body?.transformToByteArray())?.length).toBe(100_000);
  const other = await server.s3.send(new HeadObjectCommand({ Bucket, Key: "other" }));
  expect(other).toMatchObject({ ContentType: "x/y", Metadata: { b: "2" } });
  await server.s3.send(new DeleteObjectCommand({ Bucket, Key: "copy" }));
  expect((await server.s3.send(new HeadObjectCommand({ Bucket, Key: "other" }))).ContentLength).toBe(100_000);
});

test("a copy of an object to itself must change something, and then keeps its bytes", async () => {
  await put("self", randomBytes(50_000));
  const CopySource = `${Bucket}/self`;
  await fails(server.s3.send(new CopyObjectCommand({ Bucket, Key: "self", CopySource })), "InvalidRequest", 400);
  for (let round = 0; round < 2; round++) {
    const change = { MetadataDirective: "REPLACE", Metadata: { round: String(round) } } as const;
    await server.s3.send(new CopyObjectCommand({ Bucket, Key: "self", CopySource, ...change }));
    const got = await server.s3.send(new GetObjectCommand({ Bucket, Key: "self" }));
    expect(got.Metadata).toEqual({ round: String(round) });
    expect((await got.Body?.transformToByteArray())?.length).toBe(50_000);
  }
});

test("conditions on a copy's source", async () => {
  const { ETag } = await put("source");
  const copy = (more: object) =>
    server.s3.send(new CopyObjectCommand({ Bucket, Key: "target", CopySource: `${Bucket}/source`, ...more }));
  await copy({ CopySourceIfMatch: ETag });
  await fails(copy({ CopySourceIfMatch: '"x"' }), "PreconditionFailed", 412);
  await fails(copy({ CopySourceIfNoneMatch: ETag }), "PreconditionFailed", 412);
  await fails(copy({ CopySourceIfUnmodifiedSince: new Date(0) }), "PreconditionFailed", 412);
});

test("deleting many keys answers for each, present or not", async () => {
  await put("gone/1");
  await put("gone/2 & <3>");
  const Objects = [{ Key: "gone/1" }, { Key: "gone/2 & <3>" }, { Key: "gone/never" }];
  const { Deleted, Errors } = await server.s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  expect(Deleted).toEqual(Objects);
  expect(Errors).toBeUndefined();
  await fails(text("gone/1"), "NoSuchKey", 404);
  const quiet = await server.s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
  expect(quiet.Deleted).toBeUndefined();
});

test("tags are set, read, limited and removed", async () => {
  const { ETag } = await put("tagged");
  const TagSet = [
    { Key: "a", Value: "1 & 2" },
    { Key: "b", Value: "" },
  ];
  await server.s3.send(new PutObjectTaggingCommand({ Bucket, Key: "tagged", Tagging: { TagSet } }));
  const read = async () => (await server.s3.send(new GetObjectTaggingCommand({ Bucket, Key: "tagged" }))).TagSet;
  expect(await read()).toEqual(TagSet);
  expect((await server.s3.send(new HeadObjectCommand({ Bucket, Key: "tagged" }))).ETag).toBe(ETag);
  await server.s3.send(new DeleteObjectTaggingCommand({ Bucket, Key: "tagged" }));
  expect(await read()).toEqual([]);
  const many = Array.from({ length: 11 }, (_, n) => ({ Key: String(n), Value: "" }));
  await fails(
    server.s3.send(new PutObjectTaggingCommand({ Bucket, Key: "tagged", Tagging: { TagSet: many } })),
    "BadRequest",
    400,
  );
  const twice = [
    { Key: "a", Value: "" },
    { Key: "a", Value: "" },
  ];
  await fails(
    server.s3.send(new PutObjectTaggingCommand({ Bucket, Key: "tagged", Tagging: { TagSet: twice } })),
    "InvalidTag",
    400,
  );
});

test("GetObjectAttributes answers what was asked", async () => {
  const { ETag } = await put("attributes", "abc", { ChecksumAlgorithm: "SHA256" });
  const got = await server.s3.send(
    new GetObjectAttributesCommand({ Bucket, Key: "attributes", ObjectAttributes: ["ETag", "Checksum", "ObjectSize"] }),
  );
  expect(got).toMatchObject({
    ETag: ETag?.replaceAll('"', ""),
    ObjectSize: 3,
    Checksum: { ChecksumSHA256: createHash("sha256").update("abc").digest("base64"), ChecksumType: "FULL_OBJECT" },
  });
  expect(got.StorageClass).toBeUndefined();
});

test("the answer's headers can be asked to differ", async () => {
  await put("override");
  const more = { ResponseContentType: "text/x", ResponseContentDisposition: 'attachment; filename="ü.txt"' };
  const got = await server.s3.send(new GetObjectCommand({ Bucket, Key: "override", ...more }));
  expect(got.ContentType).toBe("text/x");
  expect(Buffer.from(got.ContentDisposition as string, "latin1").toString("utf8")).toBe(
    more.ResponseContentDisposition,
  );
});
