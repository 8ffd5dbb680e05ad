import { createHash, createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SignatureV4 } from "@smithy/signature-v4";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Service } from "../services/service.ts";
import { startTestServer, type TestServer } from "./testkit.ts";

interface Taken {
  readonly sizeBytes: number | undefined;
  readonly sha256?: string;
  readonly trailers?: Readonly<Record<string, string>>;
  readonly error?: string;
}

let taken: Taken[] = [];
let arrived: (() => void) | undefined;

/** Reads what it is sent as S3 does, and remembers how that ended. */
const s3: Service = {
  name: "s3",
  signingNames: ["s3"],
  protocol: "rest-xml",
  operations: {},
  streamOperations: {
    async PutObject(_input, _context, { body }) {
      const hash = createHash("sha256");
      const { sizeBytes } = body;
      try {
        for await (const part of body.stream()) hash.update(part as Buffer);
        taken.push({ sizeBytes, sha256: hash.digest("hex"), trailers: { ...body.trailers } });
        return {};
      } catch (error) {
        taken.push({ sizeBytes, error: (error as { code?: string }).code ?? String(error) });
        throw error;
      } finally {
        arrived?.();
      }
    },
  },
};

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ services: [s3] });
});
beforeEach(() => {
  taken = [];
  arrived = undefined;
});
afterAll(() => server.close());

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

async function headersFor(
  sha256: string,
  length: number,
  more: Record<string, string> = {},
): Promise<Record<string, string>> {
  const signer = new SignatureV4({
    credentials: server.credentials,
    region: "us-west-2",
    service: "s3",
    sha256: Sha256 as never,
    uriEscapePath: false,
  });
  const request = {
    method: "PUT",
    path: "/b/k",
    query: {},
    protocol: "http:",
    hostname: "127.0.0.1",
    headers: {
      host: `127.0.0.1:${server.port}`,
      "content-length": String(length),
      "x-amz-content-sha256": sha256,
      ...more,
    },
  };
  return ((await signer.sign(request as never)) as unknown as typeof request).headers;
}

async function put(body: Buffer, sha256: string): Promise<{ status: number; text: string }> {
  const headers = await headersFor(sha256, body.length);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: "127.0.0.1", port: server.port, method: "PUT", path: "/b/k", headers },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("end", () => resolve({ status: answer.statusCode as number, text: Buffer.concat(parts).toString() }));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

test.for([0, 1, 1000, 1024 * 1024, 1024 * 1024 + 1, 5_000_000])(
  "a signed body of %i bytes arrives whole",
  async (size) => {
    const body = Buffer.alloc(size, "abcdefg");
    expect((await put(body, sha256(body))).status).toBe(200);
    expect(taken).toEqual([{ sizeBytes: size, sha256: sha256(body), trailers: {} }]);
  },
);

test.for([1000, 5_000_000])("%i bytes that are not as signed end the stream with an error", async (size) => {
  const body = Buffer.alloc(size, "abcdefg");
  const answer = await put(body, sha256(Buffer.alloc(size, "abcdefh")));
  expect(answer.status).toBe(400);
  expect(answer.text).toContain("<Code>XAmzContentSHA256Mismatch</Code>");
  expect(taken).toEqual([{ sizeBytes: size, error: "XAmzContentSHA256Mismatch" }]);
});

test("the SDK's chunked upload hands its checksum over as a trailer", async () => {
  const client = new S3Client({ ...server.client, forcePathStyle: true });
  const body = Buffer.alloc(300_000, "0123456789");
  // A stream of unknown content makes the SDK sign nothing of the payload and send the checksum behind it.
  const stream = Readable.from([body.subarray(0, 100_000), body.subarray(100_000)]);
  const command = new PutObjectCommand({
    Bucket: "b",
    Key: "k",
    Body: stream,
    ContentLength: body.length,
    ChecksumAlgorithm: "SHA256",
  });
  await client.send(command);
  const checksum = createHash("sha256").update(body).digest("base64");
  expect(taken).toEqual([
    { sizeBytes: body.length, sha256: sha256(body), trailers: { "x-amz-checksum-sha256": checksum } },
  ]);
});

test("a caller that hangs up in the middle leaves an error, not an end", async () => {
  const headers = await headersFor("UNSIGNED-PAYLOAD", 1000);
  const ended = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const socket = connect(server.port, "127.0.0.1", () => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`PUT /b/k HTTP/1.1\r\n${lines.join("")}\r\nhalf of it`, () => socket.destroy());
  });
  await ended;
  expect(taken).toEqual([{ sizeBytes: 1000, error: "IncompleteBody" }]);
});

test("a caller that waits for 100 Continue is told to go on, or refused before it sends", async () => {
  const ask = async (signature: string): Promise<string[]> => {
    const headers = await headersFor(sha256(Buffer.from("hello")), 5, { expect: "100-continue" });
    headers["authorization"] = (headers["authorization"] as string).replace(
      /[0-9a-f]{64}$/,
      (found) => signature || found,
    );
    return new Promise((resolve, reject) => {
      const seen: string[] = [];
      const outgoing = httpRequest(
        { host: "127.0.0.1", port: server.port, method: "PUT", path: "/b/k", headers },
        (answer) => {
          answer.resume();
          answer.on("end", () => {
            resolve([...seen, String(answer.statusCode)]);
            outgoing.destroy();
          });
        },
      );
      outgoing.on("continue", () => {
        seen.push("continue");
        outgoing.end("hello");
      });
      outgoing.on("error", reject);
      outgoing.flushHeaders();
    });
  };
  expect(await ask("")).toEqual(["continue", "200"]);
  expect(await ask("0".repeat(64))).toEqual(["403"]);
});
