import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../../gateway/testkit.ts";
import { s3Service } from "../index.ts";

const master = "0f".repeat(32);
const keyId = "1234abcd-12ab-34cd-56ef-1234567890ab";
const keyArn = `arn:aws:kms:us-west-2:111122223333:key/${keyId}`;
const secret = "the-secret-text";
const kms = { ServerSideEncryption: "aws:kms", SSEKMSKeyId: keyId } as const;

let server: TestServer;
let s3: S3Client;
beforeAll(async () => {
  server = await startTestServer({ services: [s3Service], configuration: { masterKey: { text: master } } });
  s3 = new S3Client({ ...server.client, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: "vault" }));
});
afterAll(async () => {
  s3.destroy();
  await server.close();
});

const read = async (Key: string, Range?: string, Bucket = "vault") => {
  const found = await s3.send(new GetObjectCommand({ Bucket, Key, ...(Range && { Range }) }));
  return { ...found, bytes: Buffer.from((await found.Body?.transformToByteArray()) ?? []) };
};

/** Whether any file of the data directory has a text in clear, or in Base64 as records have it. */
async function isOnDisk(text: string): Promise<boolean> {
  const { root } = server.platform.dataDirectory;
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  for (const name of names.filter((each) => each.isFile())) {
    const bytes = await readFile(join(name.parentPath, name.name));
    if (bytes.includes(text) || bytes.includes(Buffer.from(text).toString("base64").slice(4, -4))) return true;
  }
  return false;
}

test.for<[string, number]>([
  ["a small one, which rides in the store", 100],
  ["one in a file", 300_000],
  ["one of a whole number of blocks", 4 * 65_536],
])("an object comes back as it was, and no file has it in clear: %s", async ([, size]) => {
  const body = Buffer.alloc(size, `${secret}-${size} `);
  const put = await s3.send(new PutObjectCommand({ Bucket: "vault", Key: `o-${size}`, Body: body, ...kms }));
  expect(put).toMatchObject({ ServerSideEncryption: "aws:kms", SSEKMSKeyId: keyArn });
  const whole = await read(`o-${size}`);
  expect(whole.bytes.equals(body)).toBe(true);
  expect(whole).toMatchObject({ ...{ ContentLength: size, ETag: put.ETag }, SSEKMSKeyId: keyArn });
  const part = await read(`o-${size}`, "bytes=20-79");
  expect(part).toMatchObject({ ContentRange: `bytes 20-79/${size}`, ContentLength: 60 });
  expect(part.bytes.equals(body.subarray(20, 80))).toBe(true);
  expect(await isOnDisk(`${secret}-${size} `)).toBe(false);
});

test("an empty object may be encrypted", async () => {
  await s3.send(new PutObjectCommand({ Bucket: "vault", Key: "empty", Body: "", ...kms }));
  expect((await read("empty")).bytes).toHaveLength(0);
});

test("the entity tag tells nothing of the content", async () => {
  const tags: (string | undefined)[] = [];
  for (const Key of ["same-1", "same-2"]) {
    tags.push((await s3.send(new PutObjectCommand({ Bucket: "vault", Key, Body: "same", ...kms }))).ETag);
  }
  expect(tags[0]).not.toBe(tags[1]);
  expect((await s3.send(new HeadObjectCommand({ Bucket: "vault", Key: "same-2" }))).ETag).toBe(tags[1]);
});

test("an upload of parts is encrypted part by part and as a whole", async () => {
  const parts = [randomBytes(5 * 2 ** 20), Buffer.from(`${secret}-of-parts`)];
  for (const count of [1, 2]) {
    const Key = `parts-${count}`;
    const at = { Bucket: "vault", Key };
    const begun = await s3.send(new CreateMultipartUploadCommand({ ...at, ...kms }));
    expect(begun.SSEKMSKeyId).toBe(keyArn);
    const Parts: { ETag?: string | undefined; PartNumber: number }[] = [];
    for (const [index, Body] of parts.slice(-count).entries()) {
      const place = { ...at, UploadId: begun.UploadId, PartNumber: index + 1 };
      Parts.push({ PartNumber: index + 1, ETag: (await s3.send(new UploadPartCommand({ ...place, Body }))).ETag });
    }
    expect(await isOnDisk(`${secret}-of-parts`)).toBe(false);
    const made = { ...at, UploadId: begun.UploadId, MultipartUpload: { Parts } };
    expect((await s3.send(new CompleteMultipartUploadCommand(made))).SSEKMSKeyId).toBe(keyArn);
    expect((await read(Key)).bytes.equals(Buffer.concat(parts.slice(-count)))).toBe(true);
  }
  expect(await isOnDisk(`${secret}-of-parts`)).toBe(false);
});

test("a copy is encrypted as it asks itself, and only then", async () => {
  await s3.send(new PutObjectCommand({ Bucket: "vault", Key: "plain", Body: "copied" }));
  const copy = (Key: string, CopySource: string, more: object = {}) =>
    s3.send(new CopyObjectCommand({ Bucket: "vault", Key, CopySource, ...more }));
  expect(await copy("sealed", "vault/plain", kms)).toMatchObject({ SSEKMSKeyId: keyArn });
  await copy("sealed-again", "vault/sealed", { ServerSideEncryption: "aws:kms", SSEKMSKeyId: "alias/other" });
  await copy("open", "vault/sealed-again");
  for (const Key of ["sealed", "sealed-again", "open"]) expect((await read(Key)).bytes.toString()).toBe("copied");
  expect((await read("open")).ServerSideEncryption).toBeUndefined();
  expect((await read("open")).ETag).toBe((await read("plain")).ETag);
});

test("a bucket's default holds for what asks for nothing", async () => {
  await s3.send(new CreateBucketCommand({ Bucket: "default" }));
  const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms" as const, KMSMasterKeyID: keyArn } }];
  await s3.send(new PutBucketEncryptionCommand({ Bucket: "default", ServerSideEncryptionConfiguration: { Rules } }));
  const put = await s3.send(new PutObjectCommand({ Bucket: "default", Key: "o", Body: `${secret}-by-default` }));
  expect(put.SSEKMSKeyId).toBe(keyArn);
  expect((await read("o", undefined, "default")).bytes.toString()).toBe(`${secret}-by-default`);
  expect(await isOnDisk(`${secret}-by-default`)).toBe(false);
});

test("a key that there cannot be is refused by name", async () => {
  const put = new PutObjectCommand({
    Bucket: "vault",
    Key: "o",
    Body: "x",
    ServerSideEncryption: "aws:kms",
    SSEKMSKeyId: "k",
  });
  await expect(s3.send(put)).rejects.toMatchObject({
    name: "KMS.NotFoundException",
    message: expect.stringContaining('"k"'),
  });
});

test("without the master key objects are refused, to write and to read; with another one too", async () => {
  const Key = "o-300000";
  const { objects } = server.platform;
  const version = await objects.objects.get("vault", Key);
  for (const [masterKey, said] of [
    [{}, "this server has no master key; start it with --kms-master-key-file"],
    [{ text: "1e".repeat(32) }, "another master key"],
  ] as const) {
    const other = await startTestServer({ services: [s3Service], configuration: { masterKey } });
    try {
      await expect(other.platform.objects.bytes.read(version.bytes)).rejects.toMatchObject({
        ...{ code: "KMS.DisabledException", status: 400, message: expect.stringContaining(said) },
      });
      if ("text" in masterKey) continue;
      const client = new S3Client({ ...other.client, forcePathStyle: true });
      await client.send(new CreateBucketCommand({ Bucket: "vault" }));
      const put = client.send(new PutObjectCommand({ Bucket: "vault", Key, Body: "x", ...kms }));
      await expect(put).rejects.toMatchObject({ name: "KMS.DisabledException" });
      // So the SageMaker SDK uploads code: without a key by name it is what S3 does by itself.
      const unnamed = { Bucket: "vault", Key, ServerSideEncryption: "aws:kms" } as const;
      const stored = { ServerSideEncryption: "AES256" };
      expect(await client.send(new PutObjectCommand({ ...unnamed, Body: "x" }))).toMatchObject(stored);
      expect(await client.send(new CreateMultipartUploadCommand(unnamed))).toMatchObject(stored);
      client.destroy();
    } finally {
      await other.close();
    }
  }
});
