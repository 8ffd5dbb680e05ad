import { createHash, createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { CreateTrainingJobCommand, SageMakerClient } from "@aws-sdk/client-sagemaker";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { iamService } from "../services/iam/service.ts";
import type { Service } from "../services/service.ts";
import { stsService } from "../services/sts/service.ts";
import { startTestServer, type TestServer } from "./testkit.ts";

const sagemaker: Service = {
  name: "sagemaker",
  signingNames: ["sagemaker"],
  protocol: "aws-json-1.1",
  targetPrefixes: ["SageMaker"],
  operations: { CreateTrainingJob: async () => ({}), ListTrainingJobs: async () => ({ TrainingJobSummaries: [] }) },
};
const s3: Service = {
  name: "s3",
  signingNames: ["s3"],
  protocol: "rest-xml",
  operations: { DeleteObjects: async () => ({}), ListObjectsV2: async () => ({}) },
  corsRules: async (bucket) =>
    bucket === "open"
      ? [
          {
            allowedOrigins: ["https://*.example.com"],
            allowedMethods: ["GET"],
            allowedHeaders: ["*"],
            exposeHeaders: ["ETag"],
          },
        ]
      : undefined,
};

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    services: [
      sagemaker,
      s3,
      iamService,
      stsService(() => {
        throw new Error("not used here");
      }),
    ],
    configuration: { publicUrls: ["https://ml.example.org"], allowedOrigins: ["https://console.example.org"] },
  });
});
afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly query?: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly service?: string;
  /** Sends without a signature. */
  readonly bare?: boolean;
  readonly at?: Date;
}

class Sha256 {
  readonly #hash;
  constructor(secret?: unknown) {
    this.#hash = secret ? createHmac("sha256", secret as Buffer) : createHash("sha256");
  }
  update(data: unknown): void {
    this.#hash.update(data as Buffer);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

/** Sends any request, well-formed or not, correctly signed unless told otherwise. */
async function send({
  method = "POST",
  path = "/",
  query = {},
  headers = {},
  body = "",
  service = "sagemaker",
  bare,
  at,
}: Sent): Promise<Answer> {
  const whole = {
    method,
    path,
    query,
    body,
    protocol: "http:",
    hostname: "127.0.0.1",
    headers: { host: `127.0.0.1:${server.port}`, ...headers },
  };
  const signer = new SignatureV4({
    credentials: server.credentials,
    region: "us-west-2",
    service,
    sha256: Sha256 as never,
    uriEscapePath: service !== "s3",
  });
  const sign = () => signer.sign(whole as never, at && { signingDate: at }) as unknown as Promise<typeof whole>;
  const signed = bare ? whole : await sign();
  const search = new URLSearchParams(query).toString();
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        host: "127.0.0.1",
        port: server.port,
        method,
        path: search ? `${path}?${search}` : path,
        headers: { ...signed.headers, "content-length": Buffer.byteLength(body) },
      },
      (incoming) => {
        const parts: Buffer[] = [];
        incoming.on("data", (part: Buffer) => parts.push(part));
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode as number,
            headers: incoming.headers,
            body: Buffer.concat(parts).toString(),
          }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const json = { "content-type": "application/x-amz-json-1.1", "x-amz-target": "SageMaker.CreateTrainingJob" };
const form = { "content-type": "application/x-www-form-urlencoded" };
const lateBy = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

test.for<[string, Sent, number, string]>([
  ["malformed JSON", { headers: json, body: "{" }, 400, "SerializationException"],
  ["JSON that is not UTF-8 text", { headers: json, body: "[1]" }, 400, "SerializationException"],
  [
    "a body of very many structures",
    { headers: json, body: `{"Tags":[${"{},".repeat(200_000)}{}]}` },
    413,
    "RequestEntityTooLargeException",
  ],
  ["a number for a text", { headers: json, body: '{"TrainingJobName":1}' }, 400, "SerializationException"],
  ["null in a list", { headers: json, body: '{"InputDataConfig":[null]}' }, 400, "SerializationException"],
  ["null in a map", { headers: json, body: '{"HyperParameters":{"a":null}}' }, 400, "SerializationException"],
  ["null for the whole input", { headers: json, body: "null" }, 400, "ValidationException"],
  [
    "a fraction for a whole number",
    { headers: json, body: '{"StoppingCondition":{"MaxRuntimeInSeconds":1.5}}' },
    400,
    "ValidationException",
  ],
  ["a list for a structure", { headers: json, body: '{"ResourceConfig":[]}' }, 400, "SerializationException"],
  ["a broken constraint", { headers: json, body: '{"TrainingJobName":"_"}' }, 400, "ValidationException"],
  [
    "a wrong content type",
    { headers: { ...json, "content-type": "text/plain" }, body: "{}" },
    415,
    "UnsupportedMediaTypeException",
  ],
  [
    "an unknown operation",
    { headers: { ...json, "x-amz-target": "SageMaker.Fly" }, body: "{}" },
    404,
    "UnknownOperationException",
  ],
  [
    "an operation that is not built",
    { headers: { ...json, "x-amz-target": "SageMaker.CreateApp" }, body: "{}" },
    501,
    "NotImplementedException",
  ],
  [
    "an unknown service",
    { headers: { ...json, "x-amz-target": "DynamoDB_20120810.PutItem" }, service: "dynamodb" },
    404,
    "UnknownOperationException",
  ],
  ["an unknown signing name", { service: "glue", path: "/x" }, 404, "UnknownOperationException"],
  [
    "no target at all",
    { headers: { "content-type": json["content-type"] }, body: "{}" },
    404,
    "UnknownOperationException",
  ],
  ["no signature", { headers: json, body: "{}", bare: true }, 403, "MissingAuthenticationTokenException"],
  ["an old signature", { headers: json, body: "{}", at: lateBy(20) }, 403, "InvalidSignatureException"],
  ["a signature of tomorrow", { headers: json, body: "{}", at: lateBy(-20) }, 403, "InvalidSignatureException"],
  ["a body too large", { headers: json, body: " ".repeat(9 * 1024 * 1024) }, 413, "RequestEntityTooLargeException"],
  [
    "RPC v2 CBOR",
    { headers: { "smithy-protocol": "rpc-v2-cbor" }, path: "/service/SageMaker/operation/ListApps" },
    404,
    "UnknownOperationException",
  ],
  ["Query without Action", { headers: form, body: "Version=2011-06-15", service: "sts" }, 400, "InvalidAction"],
  [
    "Query: an unknown action",
    { headers: form, body: "Action=Fly&Version=2011-06-15", service: "sts" },
    400,
    "InvalidAction",
  ],
  [
    "Query: an action that is not built",
    { headers: form, body: "Action=GetFederationToken&Name=ab", service: "sts" },
    501,
    "NotImplemented",
  ],
  ["Query: a broken constraint", { headers: form, body: "Action=GetRole", service: "iam" }, 400, "ValidationError"],
  [
    "Query: a number that is none",
    { headers: form, body: "Action=GetSessionToken&DurationSeconds=x", service: "sts" },
    400,
    "MalformedInput",
  ],
  [
    "Query: an old signature",
    { headers: form, body: "Action=GetRole", service: "iam", at: lateBy(20) },
    403,
    "SignatureDoesNotMatch",
  ],
  [
    "S3: an old signature",
    { method: "GET", path: "/b", query: { "list-type": "2" }, service: "s3", at: lateBy(20) },
    403,
    "RequestTimeTooSkewed",
  ],
  ["S3: no signature", { method: "GET", path: "/b", bare: true }, 403, "AccessDenied"],
  [
    "S3: XML that is none",
    { path: "/b", query: { delete: "" }, body: "<Delete><", service: "s3" },
    400,
    "MalformedXML",
  ],
  [
    "S3: another document",
    { path: "/b", query: { delete: "" }, body: "<Insert/>", service: "s3" },
    400,
    "MalformedXML",
  ],
  [
    "S3: a query that must be a number",
    { method: "GET", path: "/b", query: { "list-type": "2", "max-keys": "many" }, service: "s3" },
    400,
    "InvalidArgument",
  ],
  [
    "S3: an operation that is not built",
    { method: "GET", path: "/b", query: { acl: "" }, service: "s3" },
    501,
    "NotImplemented",
  ],
  [
    "S3: percent-encoding that is broken",
    { method: "GET", path: "/b/%zz", service: "s3", bare: true },
    400,
    "InvalidRequest",
  ],
  [
    "S3: bytes that are not as signed",
    {
      path: "/b",
      query: { delete: "" },
      body: "<Delete/>",
      headers: { "x-amz-content-sha256": "0".repeat(64) },
      service: "s3",
    },
    400,
    "XAmzContentSHA256Mismatch",
  ],
])("%s: %i", async ([, sent, status, code]) => {
  const answer = await send(sent);
  const found =
    answer.headers["x-amzn-errortype"] ??
    /"__type":"(\w+)"/.exec(answer.body)?.[1] ??
    // CBOR: a text of 24 to 255 bytes begins with 0x78 and its length.
    /__typex.([A-Za-z]+Exception)/su.exec(answer.body)?.[1] ??
    /<Code>(\w+)<\/Code>/.exec(answer.body)?.[1];
  expect({ status: answer.status, code: found }).toEqual({ status, code });
  expect(answer.headers["x-amzn-requestid"]).toMatch(/^[0-9a-f-]{36}$/);
});

test("an operation that is not built is named in the answer", async () => {
  const answer = await send({ headers: { ...json, "x-amz-target": "SageMaker.CreateApp" }, body: "{}" });
  expect(JSON.parse(answer.body).message).toBe("Sagebrush does not implement the sagemaker operation CreateApp yet.");
});

test.for<[string, number]>([
  ["127.0.0.1", 200],
  ["localhost:9310", 200],
  ["[::1]:9310", 200],
  ["bucket.localhost:9310", 200],
  ["ml.example.org", 200],
  ["bucket.ml.example.org:443", 200],
  ["evil.example.com", 421],
  ["localhost.evil.example.com", 421],
  ["notml.example.org", 421],
  ["127.0.0.1@evil.example.com", 421],
])("the host %s: %i", async ([host, status]) => {
  const list = { ...json, host, "x-amz-target": "SageMaker.ListTrainingJobs" };
  expect((await send({ headers: list, body: "{}" })).status).toBe(status);
});

test("web pages of other origins are refused, unless the configuration or a bucket admits them", async () => {
  const list = { ...json, "x-amz-target": "SageMaker.ListTrainingJobs" };
  const from = (origin: string) => send({ headers: { ...list, origin }, body: "{}" });
  expect((await from("https://evil.example.com")).status).toBe(403);
  expect((await from("null")).status).toBe(403);
  expect((await from(`http://127.0.0.1:${server.port}`)).status).toBe(200);
  const admitted = await from("https://console.example.org");
  expect([admitted.status, admitted.headers["access-control-allow-origin"]]).toEqual([
    200,
    "https://console.example.org",
  ]);

  const bucket = (name: string, origin: string) =>
    send({ method: "GET", path: `/${name}`, query: { "list-type": "2" }, service: "s3", headers: { origin } });
  const allowed = await bucket("open", "https://app.example.com");
  expect([allowed.status, allowed.headers["access-control-expose-headers"]]).toEqual([200, "ETag"]);
  expect((await bucket("open", "https://app.example.net")).status).toBe(403);
  expect((await bucket("closed", "https://app.example.com")).status).toBe(403);
});

test("a bucket's rules admit a page to that bucket, not to other services", async () => {
  const headers = { ...json, "x-amz-target": "SageMaker.ListTrainingJobs", origin: "https://app.example.com" };
  const answer = await send({ path: "/open", headers, body: "{}", service: "sagemaker" });
  expect(answer.status).toBe(403);
});

test("a preflight is answered without a signature", async () => {
  const ask = (method: string) =>
    send({
      method: "OPTIONS",
      path: "/open/key",
      bare: true,
      headers: {
        origin: "https://app.example.com",
        "access-control-request-method": method,
        "access-control-request-headers": "X-Amz-Date, Authorization",
      },
    });
  const yes = await ask("GET");
  expect(yes.status).toBe(200);
  expect(yes.headers["access-control-allow-headers"]).toBe("x-amz-date, authorization");
  expect((await ask("DELETE")).status).toBe(403);
});

test("bytes that are not HTTP end the connection with a 400, and the server lives on", async () => {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1", () => socket.write("\x16\x03\x01 hello\r\n\r\n"));
    const parts: Buffer[] = [];
    socket.on("data", (part) => parts.push(part));
    socket.on("close", () => resolve(Buffer.concat(parts).toString()));
    socket.on("error", reject);
  });
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect((await fetch(`${server.endpoint}/_sagebrush/health`)).status).toBe(200);
});

test("the SDK sees every violation in one ValidationException", async () => {
  const client = new SageMakerClient(server.client);
  const command = new CreateTrainingJobCommand({ TrainingJobName: "_" } as never);
  await expect(client.send(command)).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringMatching(/^3 validation errors detected: /),
  });
});

test("whatever is sent, the answer is no failure of ours", async () => {
  const piece = fc.constantFrom(
    "/",
    "b",
    "%",
    "%2F",
    "%00",
    "..",
    "é",
    "?",
    "&",
    "=",
    "+",
    "uploads",
    "delete",
    "list-type",
    "endpoints",
  );
  const path = fc.array(piece, { maxLength: 6 }).map((parts) => encodeURI(`/${parts.join("")}`).replaceAll("%25", "%"));
  const header = fc.constantFrom<[string, string]>(
    ["x-amz-target", "SageMaker.CreateTrainingJob"],
    ["x-amz-target", ".."],
    ["content-type", "application/x-amz-json-1.1"],
    ["content-type", "application/x-www-form-urlencoded"],
    ["content-type", "multipart/form-data; boundary=x"],
    ["x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"],
    ["x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"],
    ["x-amz-security-token", "AAAA"],
    ["x-amz-decoded-content-length", "-1"],
    ["authorization", "AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=;, Signature="],
    ["authorization", "AWS AKID:sig"],
    ["origin", "http://["],
    ["smithy-protocol", "rpc-v2-cbor"],
  );
  const body = fc.oneof(
    fc.constantFrom(
      "",
      "{}",
      "[]",
      "null",
      "<a/>",
      "Action=GetRole&a.b.c=1",
      "0\r\n\r\n",
      "[".repeat(50_000),
      "<a>".repeat(20_000),
    ),
    fc.string({ maxLength: 20 }),
  );
  const sent = fc.record({
    method: fc.constantFrom("GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"),
    path,
    headers: fc.array(header, { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs)),
    body,
    service: fc.constantFrom("s3", "sagemaker", "sts", "iam", "glue"),
    bare: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(sent, async (request) => {
      const withBody = request.method !== "GET" && request.method !== "HEAD";
      const { status } = await send({ ...request, body: withBody ? request.body : "" });
      expect(status === 501 || status < 500).toBe(true);
    }),
    { numRuns: 400 },
  );
  expect((await fetch(`${server.endpoint}/_sagebrush/health`)).status).toBe(200);
});
