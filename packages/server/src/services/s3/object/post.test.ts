import { createHmac, randomBytes } from "node:crypto";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type S3TestServer, startS3 } from "../testkit.ts";

let server: S3TestServer;
let bucket: string;
beforeAll(async () => {
  server = await startS3();
  bucket = await server.bucket();
});
afterAll(() => server.close());

const sign = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

/** Sends a form as a browser does, signed as `createPresignedPost` signs it. */
function post(options: {
  fields?: Record<string, string>;
  conditions?: unknown[];
  expires?: number;
  file?: Blob;
  secret?: string;
}) {
  const { accessKeyId, secretAccessKey } = server.credentials;
  const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  const scope = `${accessKeyId}/${day}/us-west-2/s3/aws4_request`;
  const fields: Record<string, string> = {
    key: "uploads/${filename}",
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": scope,
    "x-amz-date": `${day}T000000Z`,
    ...options.fields,
  };
  const conditions = options.conditions ?? [
    { bucket },
    ["starts-with", "$key", "uploads/"],
    ...Object.entries(fields)
      .filter(([name]) => name !== "key")
      .map(([name, value]) => ({ [name]: value })),
  ];
  const expiration = new Date(Date.now() + (options.expires ?? 60_000)).toISOString();
  const policy = Buffer.from(JSON.stringify({ expiration, conditions })).toString("base64");
  let key = sign(`AWS4${options.secret ?? secretAccessKey}`, day);
  for (const part of ["us-west-2", "s3", "aws4_request"]) key = sign(key, part);
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...fields, policy })) form.set(name, value);
  form.set("x-amz-signature", sign(key, policy).toString("hex"));
  form.set("file", options.file ?? new Blob(["hello"]), "greeting.txt");
  return fetch(`${server.endpoint}/${bucket}`, { method: "POST", body: form, redirect: "manual" });
}

async function read(Key: string): Promise<Buffer> {
  const { Body } = await server.s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

test("a form's file becomes an object under the name that the policy allows", async () => {
  const answer = await post({ fields: { "content-type": "text/plain", "x-amz-meta-from": "form" } });
  expect(answer.status).toBe(204);
  const got = await server.s3.send(new GetObjectCommand({ Bucket: bucket, Key: "uploads/greeting.txt" }));
  expect(got).toMatchObject({ ContentType: "text/plain", Metadata: { from: "form" }, ContentLength: 5 });
});

test("a large file with line breaks and boundary-like bytes arrives whole", async () => {
  const bytes = Buffer.concat([randomBytes(700_000), Buffer.from("\r\n------\r\n--\r\n"), randomBytes(300_000)]);
  expect((await post({ fields: { key: "uploads/large" }, file: new Blob([bytes]) })).status).toBe(204);
  expect((await read("uploads/large")).equals(bytes)).toBe(true);
});

test("the form says how to answer", async () => {
  const made = await post({ fields: { key: "uploads/a & b", success_action_status: "201" } });
  expect(made.status).toBe(201);
  expect(await made.text()).toContain("<Key>uploads/a &amp; b</Key>");
  const moved = await post({ fields: { key: "uploads/c", success_action_redirect: "https://example.com/done?x=1" } });
  expect(moved.status).toBe(303);
  expect(moved.headers.get("location")).toMatch(/^https:\/\/example\.com\/done\?x=1&bucket=.*&key=uploads%2Fc&etag=/);
});

test.for([
  ["another bucket", { conditions: [{ bucket: "other" }, ["starts-with", "$key", ""]] }, 403, "AccessDenied"],
  ["a field without a condition", { conditions: [["starts-with", "$key", ""]] }, 403, "AccessDenied"],
  ["an expired policy", { expires: -1000 }, 403, "AccessDenied"],
  ["a wrong signature", { secret: "wrong" }, 403, "SignatureDoesNotMatch"],
  ["a key outside the prefix", { fields: { key: "elsewhere" } }, 403, "AccessDenied"],
] as const)("%s is refused", async ([, options, status, code]) => {
  const answer = await post(options as Parameters<typeof post>[0]);
  expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(`<Code>${code}</Code>`)]);
});

test.for([
  [1, 4, "EntityTooLarge"],
  [6, 9, "EntityTooSmall"],
] as const)("content-length-range %i to %i", async ([least, most, code]) => {
  const free = ["x-amz-algorithm", "x-amz-credential", "x-amz-date"].map((name) => ["starts-with", `$${name}`, ""]);
  const conditions = [{ bucket }, ["starts-with", "$key", ""], ["content-length-range", least, most], ...free];
  const answer = await post({ fields: { key: "uploads/ranged" }, conditions });
  expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(`<Code>${code}</Code>`)]);
  await expect(read("uploads/ranged")).rejects.toMatchObject({ name: "NoSuchKey" });
});
