import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { ListEndpointsCommand, SageMakerClient } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfiguration } from "../configuration.ts";
import { type Server, startServer } from "../main.ts";

/** A whole server with two gateway workers: what is no invocation goes through them to the main process and back. */
let directory: string;
let server: Server;
let s3: S3Client;
const settings = { engine: "process", "docker-host": "none", "gateway-workers": "2" };
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sb-workers-"));
  server = await startServer(readConfiguration({ ...settings, "data-dir": directory, port: "0" }, {}));
  s3 = new S3Client({ ...(await options()), forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: "endpoints" }));
});
afterAll(async () => {
  s3.destroy();
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

test("large objects flow through workers both ways, in chunks with a checksum behind them", async () => {
  const bytes = randomBytes(12 * 1024 * 1024);
  const parts = Array.from({ length: 12 }, (_, at) => bytes.subarray(at * 1024 * 1024, (at + 1) * 1024 * 1024));
  // A key that looks like an invocation is still an object's.
  for (const Key of ["large", "name/invocations"]) {
    const Body = Readable.from(parts, { objectMode: false });
    await s3.send(new PutObjectCommand({ Bucket: "endpoints", Key, Body, ContentLength: bytes.length }));
    const answer = await s3.send(new GetObjectCommand({ Bucket: "endpoints", Key }));
    expect(Buffer.compare(Buffer.from((await answer.Body?.transformToByteArray()) ?? []), bytes)).toBe(0);
  }
  await expect(s3.send(new GetObjectCommand({ Bucket: "endpoints", Key: "none" }))).rejects.toMatchObject({
    name: "NoSuchKey",
    $metadata: { httpStatusCode: 404 },
  });
});

test("a caller that waits for 100 Continue gets it, or its refusal instead", async () => {
  const outcome = (path: string) =>
    new Promise<{ continued: boolean; status: number | undefined; ids: number }>((resolve, reject) => {
      let continued = false;
      const call = request(`${server.url}${path}`, { method: "PUT", headers: { expect: "100-continue" } });
      call.once("continue", () => {
        continued = true;
        call.end("body");
      });
      call.once("response", (answer) => {
        answer.resume();
        const ids = answer.rawHeaders.filter((name) => name.toLowerCase() === "x-amzn-requestid").length;
        resolve({ continued, status: answer.statusCode, ids });
        call.destroy();
      });
      call.once("error", reject);
      call.flushHeaders();
    });
  // Without a signature: refused before a body is asked for, by the main process, whose answer is passed on as it is.
  expect(await outcome("/endpoints/refused")).toEqual({ continued: false, status: 403, ids: 1 });
});

test("pages, other services and metrics are reached as ever", async () => {
  const sagemaker = new SageMakerClient(await options());
  expect(await sagemaker.send(new ListEndpointsCommand({}))).toMatchObject({ Endpoints: [] });
  sagemaker.destroy();
  expect(await (await fetch(`${server.url}/_sagebrush/health`)).json()).toEqual({ status: "ok" });
  expect(await (await fetch(`${server.url}/metrics`)).text()).toContain("process_resident_memory_bytes");
});

test("a caller that hangs up in the middle of an upload leaves no object and no request behind", async () => {
  const { hostname, port, host } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.write(`PUT /endpoints/half HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 1000\r\n\r\nhalf`);
  await new Promise((resolve) => socket.once("data", resolve));
  socket.destroy();
  await expect(s3.send(new GetObjectCommand({ Bucket: "endpoints", Key: "half" }))).rejects.toMatchObject({
    name: "NoSuchKey",
  });
});

test("a second server is refused the port", async () => {
  const other = await mkdtemp(join(tmpdir(), "sb-workers-"));
  const { port } = new URL(server.url);
  await expect(startServer(readConfiguration({ ...settings, "data-dir": other, port }, {}))).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
  await rm(other, { recursive: true, force: true });
});

async function options() {
  const credentials = JSON.parse(await readFile(join(directory, "credentials.json"), "utf8"));
  return { endpoint: server.url, region: "us-east-1", credentials, maxAttempts: 1 };
}
