import { createHash, randomBytes } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type S3TestServer, startS3 } from "../testkit.ts";

const MiB = 1024 * 1024;
let server: S3TestServer;
let Bucket: string;
beforeAll(async () => {
  server = await startS3();
  Bucket = await server.bucket();
});
afterAll(() => server.close());

async function begin(Key: string, more = {}): Promise<string> {
  return (await server.s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }))).UploadId as string;
}
async function part(Key: string, UploadId: string, PartNumber: number, Body: Uint8Array, more = {}) {
  const sent = await server.s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ...more }));
  const { ETag, ChecksumCRC32, ChecksumSHA256, ChecksumCRC64NVME, ChecksumCRC32C } = sent;
  return { PartNumber, ETag, ChecksumCRC32, ChecksumSHA256, ChecksumCRC64NVME, ChecksumCRC32C } as CompletedPart;
}
function complete(Key: string, UploadId: string, Parts: CompletedPart[], more = {}) {
  return server.s3.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more }),
  );
}
async function bytesOf(Key: string, more = {}): Promise<Buffer> {
  const { Body } = await server.s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}
function fails(promise: Promise<unknown>, name: string) {
  return expect(promise).rejects.toMatchObject({ name });
}

test("parts in any order become one object; a part sent again replaces the first", async () => {
  const pieces = [randomBytes(5 * MiB), randomBytes(6 * MiB), randomBytes(1000)];
  const id = await begin("whole", { ContentType: "x/y", Metadata: { a: "1" }, Tagging: "t=1" });
  const last = await part("whole", id, 30, pieces[2]!);
  const wrong = await part("whole", id, 2, randomBytes(5 * MiB));
  const first = await part("whole", id, 1, pieces[0]!);
  const second = await part("whole", id, 2, pieces[1]!);
  await fails(complete("whole", id, [first, wrong, last]), "InvalidPart");
  await fails(complete("whole", id, [second, first, last]), "InvalidPartOrder");
  await fails(server.s3.send(new HeadObjectCommand({ Bucket, Key: "whole" })), "NotFound");
  const listed = await server.s3.send(new ListPartsCommand({ Bucket, Key: "whole", UploadId: id, MaxParts: 2 }));
  expect(listed.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
    [1, 5 * MiB],
    [2, 6 * MiB],
  ]);
  expect(listed).toMatchObject({ IsTruncated: true, NextPartNumberMarker: "2" });
  const done = await complete("whole", id, [first, second, last]);
  const md5s = pieces.map((bytes) => createHash("md5").update(bytes).digest());
  expect(done.ETag).toBe(`"${createHash("md5").update(Buffer.concat(md5s)).digest("hex")}-3"`);
  expect((await bytesOf("whole")).equals(Buffer.concat(pieces))).toBe(true);
  const head = await server.s3.send(new HeadObjectCommand({ Bucket, Key: "whole", PartNumber: 2 }));
  expect(head).toMatchObject({ ContentType: "x/y", Metadata: { a: "1" }, PartsCount: 3, ContentLength: 6 * MiB });
  expect((await bytesOf("whole", { PartNumber: 3 })).equals(pieces[2]!)).toBe(true);
  await fails(bytesOf("whole", { PartNumber: 4 }), "InvalidPartNumber");
  await fails(part("whole", id, 1, Buffer.from("late")), "NoSuchUpload");
  await fails(complete("whole", id, [first]), "NoSuchUpload");
});

test("every part but the last has 5 MiB; one part alone may be small", async () => {
  const id = await begin("small");
  const [one, two] = [await part("small", id, 1, Buffer.from("a")), await part("small", id, 2, Buffer.from("b"))];
  await fails(complete("small", id, [one, two]), "EntityTooSmall");
  await complete("small", id, [two]);
  expect((await bytesOf("small")).toString()).toBe("b");
  expect(await server.platform.objects.sweep()).toEqual({ files: 0, uploads: 0 });
  const other = await begin("small");
  await fails(complete("small", other, [one]), "InvalidPart");
  await server.s3.send(new AbortMultipartUploadCommand({ Bucket, Key: "small", UploadId: other }));
});

test("an aborted upload is gone with its parts", async () => {
  const id = await begin("aborted");
  await part("aborted", id, 1, randomBytes(MiB));
  await server.s3.send(new AbortMultipartUploadCommand({ Bucket, Key: "aborted", UploadId: id }));
  await fails(server.s3.send(new ListPartsCommand({ Bucket, Key: "aborted", UploadId: id })), "NoSuchUpload");
  await fails(
    server.s3.send(new AbortMultipartUploadCommand({ Bucket, Key: "aborted", UploadId: id })),
    "NoSuchUpload",
  );
  expect(await server.platform.objects.sweep()).toEqual({ files: 0, uploads: 0 });
});

test.for([
  ["CRC32", "COMPOSITE"],
  ["SHA256", "COMPOSITE"],
  ["XXHASH64", "COMPOSITE"],
  ["CRC32", "FULL_OBJECT"],
  ["CRC32C", "FULL_OBJECT"],
  ["CRC64NVME", "FULL_OBJECT"],
] as const)("checksum %s of type %s", async ([ChecksumAlgorithm, ChecksumType]) => {
  const Key = `sum-${ChecksumAlgorithm}-${ChecksumType}`;
  const pieces = [randomBytes(5 * MiB), randomBytes(70_001)];
  const id = await begin(Key, { ChecksumAlgorithm, ChecksumType });
  const parts = [];
  for (const [n, piece] of pieces.entries()) parts.push(await part(Key, id, n + 1, piece, { ChecksumAlgorithm }));
  const done = await complete(Key, id, parts);
  expect(done.ChecksumType).toBe(ChecksumType);
  const sum = (done as unknown as Record<string, string>)[`Checksum${ChecksumAlgorithm}`] as string;
  if (ChecksumType === "COMPOSITE") {
    expect(sum).toMatch(/-2$/);
  } else {
    // The server checks the header against the bytes that it receives: a wrong combination would be refused.
    const Body = Buffer.concat(pieces);
    await server.s3.send(new PutObjectCommand({ Bucket, Key: "same", Body, [`Checksum${ChecksumAlgorithm}`]: sum }));
  }
  const { ObjectParts } = await server.s3.send(
    new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ["ObjectParts"] }),
  );
  expect(ObjectParts).toMatchObject({
    TotalPartsCount: 2,
    Parts: [{ PartNumber: 1, Size: 5 * MiB }, { Size: 70_001 }],
  });
});

test("parts copied from another object, whole or a range", async () => {
  const source = randomBytes(6 * MiB);
  await server.s3.send(new PutObjectCommand({ Bucket, Key: "source", Body: source }));
  const id = await begin("copied");
  const copy = async (PartNumber: number, range: object) => {
    const target = { Bucket, Key: "copied", UploadId: id, PartNumber };
    const made = await server.s3.send(
      new UploadPartCopyCommand({ ...target, CopySource: `${Bucket}/source`, ...range }),
    );
    return { PartNumber, ETag: made.CopyPartResult?.ETag } as CompletedPart;
  };
  const parts = [await copy(1, {}), await copy(2, { CopySourceRange: "bytes=10-19" })];
  await fails(copy(3, { CopySourceRange: `bytes=0-${source.length}` }), "InvalidArgument");
  await complete("copied", id, parts);
  expect((await bytesOf("copied")).equals(Buffer.concat([source, source.subarray(10, 20)]))).toBe(true);
});

test("unfinished uploads are listed, paged, and removed when their time is over", async () => {
  const own = await server.bucket();
  const keys = ["a", "a", "b/1", "b/2", "c"];
  const ids: string[] = [];
  for (const Key of keys) {
    ids.push((await server.s3.send(new CreateMultipartUploadCommand({ Bucket: own, Key }))).UploadId as string);
  }
  const seen: string[] = [];
  for (let marker: object = {}; ; ) {
    const page = await server.s3.send(new ListMultipartUploadsCommand({ Bucket: own, MaxUploads: 2, ...marker }));
    for (const upload of page.Uploads ?? []) seen.push(upload.UploadId as string);
    if (!page.IsTruncated) break;
    marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
  expect(seen.toSorted()).toEqual(ids.toSorted());
  const grouped = await server.s3.send(new ListMultipartUploadsCommand({ Bucket: own, Delimiter: "/" }));
  expect(grouped.CommonPrefixes).toEqual([{ Prefix: "b/" }]);
  expect((await server.platform.objects.sweep()).uploads).toBe(0);
  expect((await server.platform.objects.sweep({ uploadRetentionMs: -1 })).uploads).toBe(keys.length);
  expect((await server.s3.send(new ListMultipartUploadsCommand({ Bucket: own }))).Uploads).toBeUndefined();
});
