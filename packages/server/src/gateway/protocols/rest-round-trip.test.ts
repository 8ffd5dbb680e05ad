import { once } from "node:events";
import { createServer, type IncomingMessage, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { S3Client } from "@aws-sdk/client-s3";
import { SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { HttpResponse } from "@smithy/core/protocols";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../clock.ts";
import type { Service } from "../../services/service.ts";
import { Exchange, type Gateway } from "../exchange.ts";
import { identify } from "../handlers/identify.ts";
import { loadService, type OperationSchema, type Shape } from "../schemas.ts";
import { ServiceTable } from "../service-table.ts";
import { type ArbitraryOptions, arbitraryOf } from "./arbitrary.testkit.ts";
import { prepareProtocols, protocolHandler } from "./index.ts";

/**
 * The REST protocols against the SDK's own: random inputs are written by the client's protocol, sent over HTTP, routed
 * and read by ours; random outputs the other way. Every operation of the models, served or not.
 */
const services: readonly (Service & { readonly client: object })[] = [
  { name: "s3", signingNames: ["s3"], protocol: "rest-xml", operations: {}, client: new S3Client({ region: "r" }) },
  {
    name: "sagemaker-runtime",
    signingNames: ["sagemaker"],
    protocol: "rest-json",
    operations: {},
    client: new SageMakerRuntimeClient({ region: "r" }),
  },
];

/** The part of the gateway that reading and writing messages needs. */
const gateway = { services: new ServiceTable(services), platform: { clock: systemClock } } as unknown as Gateway;

/** What the request in hand is answered with, and what was read of it. */
let answer: unknown;
let read: { operation: string | undefined; input: unknown; error?: unknown };

const server = createServer((request, response) => {
  const exchange = new Exchange(gateway, request, response, false);
  const work = async (): Promise<void> => {
    await identify(exchange);
    const handler = protocolHandler((exchange.service as Service).protocol);
    read = { operation: exchange.operationName, input: undefined };
    read.input = await handler.readInput(exchange);
    read.input = await withoutStreams(read.input as Record<string, unknown>);
    await handler.writeOutput(exchange, answer);
  };
  work().catch((error: unknown) => {
    read = { operation: exchange.operationName, input: undefined, error };
    response.writeHead(500).end();
  });
});

beforeAll(async () => {
  await prepareProtocols();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test.for(services)("$protocol: what the SDK writes is what we read, for every input of $name", async (service) => {
  const all = await operationsOf(service.name);
  const anyCall = fc
    .constantFrom(...all)
    .chain((operation) => fc.tuple(fc.constant(operation), arbitraryMessage(operation.inputShape)));
  await fc.assert(
    fc.asyncProperty(anyCall, async ([operation, input]) => {
      answer = {};
      await roundTrip(service, operation, input);
      expect(read.error).toBeUndefined();
      expect(read.operation).toBe(operation.name);
      const { ClientToken, ...rest } = withoutAdditions(pruned(read.input as Record<string, unknown>), input);
      // The SDK fills in an idempotency token that the caller left out.
      expect("ClientToken" in input ? { ClientToken, ...rest } : rest).toEqual(pruned(input));
    }),
    { numRuns: 400 },
  );
});

test.for(services)("$protocol: what we write is what the SDK reads, for every output of $name", async (service) => {
  const all = await operationsOf(service.name);
  const anyCall = fc
    .constantFrom(...all)
    .chain((operation) =>
      fc.tuple(
        fc.constant(operation),
        arbitraryMessage(operation.inputShape, true),
        arbitraryMessage(operation.outputShape),
      ),
    );
  await fc.assert(
    fc.asyncProperty(anyCall, async ([operation, input, output]) => {
      answer = output;
      const got = await roundTrip(service, operation, input);
      expect(read.error).toBeUndefined();
      expect(withoutAdditions(pruned(got), output)).toEqual(pruned(output));
    }),
    { numRuns: 400 },
  );
});

/** Sends one call with the client's protocol. @returns The output as that protocol read it. */
async function roundTrip(
  { client }: { readonly client: object },
  operation: OperationSchema,
  input: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const { protocol } = (client as { config: { protocol: SdkProtocol } }).config;
  // Where the clients' endpoint rules put a bucket whose name is not part of the host.
  const bucket = hasBucketInPath(operation) ? `/${encodeURIComponent(String(input["Bucket"]))}` : "/";
  const endpoint = async () => ({ protocol: "http:", hostname: "127.0.0.1", path: bucket });
  const asSdk = { namespace: "n", name: operation.name, traits: { http: operation.http }, ...schemasOf(operation) };
  const message = await protocol.serializeRequest(asSdk, input, { endpoint });
  const response = await exchange(message);
  const { $metadata: _, ...output } = await protocol.deserializeResponse(
    asSdk,
    { endpoint, streamCollector: bytesOf },
    new HttpResponse({
      statusCode: response.statusCode ?? 0,
      headers: response.headers as Record<string, string>,
      body: response,
    }),
  );
  return withoutStreams(output);
}

async function withoutStreams(values: Record<string, unknown>): Promise<Record<string, unknown>> {
  const read = Object.entries(values).map(async ([name, value]) => [
    name,
    value instanceof Readable ? await bytesOf(value) : value,
  ]);
  return Object.fromEntries(await Promise.all(read)) as Record<string, unknown>;
}

interface SdkMessage {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

interface SdkProtocol {
  serializeRequest(operation: object, input: object, context: object): Promise<SdkMessage>;
  deserializeResponse(operation: object, context: object, response: object): Promise<Record<string, unknown>>;
}

function schemasOf({ input, output }: OperationSchema): object {
  return { input, output };
}

async function exchange({ method, path, query, headers, body }: SdkMessage): Promise<IncomingMessage> {
  const pairs = Object.entries(query).flatMap(([name, value]) => [value ?? ""].flat().map((each) => [name, each]));
  const search = pairs.map(([name = "", value = ""]) => `${escape(name)}=${escape(value)}`).join("&");
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body as Uint8Array);
  const message = send({
    port: (server.address() as AddressInfo).port,
    method,
    path: search === "" ? path : `${path}?${search}`,
    headers: { ...headers, "content-length": bytes.length },
  });
  message.end(bytes);
  return ((await once(message, "response")) as [IncomingMessage])[0];
}

/** As the SDK's request handlers write the query. */
function escape(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

async function operationsOf(service: string): Promise<OperationSchema[]> {
  const { operations } = await loadService(service);
  return [...operations.values()].filter(
    ({ name, inputShape, outputShape }) =>
      // AWS answers it at another host; its address is ListBuckets'.
      name !== "ListDirectoryBuckets" &&
      // Event streams have framing of their own, and no operation with one is served.
      ![inputShape, outputShape].some(hasEvents),
  );
}

function hasEvents(shape: Shape): boolean {
  if (!shape.isStructSchema()) return false;
  return [...shape.structIterator()].some(([, member]) => member.isStreaming() && member.isStructSchema());
}

function hasBucketInPath({ inputShape, http }: OperationSchema): boolean {
  if (!inputShape.isStructSchema() || http?.[1].includes("{Bucket}")) return false;
  return [...inputShape.structIterator()].some(
    ([name, member]) => name === "Bucket" && member.getMergedTraits().httpLabel,
  );
}

const printable = fc.constantFrom(..."abz019 <>&'\"/=+%-;:,é漢\u{1f600}");
const xmlText: ArbitraryOptions = {
  // Its readers drop white space that stands alone.
  text: fc.string({ unit: printable, minLength: 1, maxLength: 8 }).filter((text) => text.trim() === text),
  milliseconds: false,
};
/** What a header can carry whole; an empty one and none are the same to the SDK. */
const headerText: ArbitraryOptions = {
  text: fc
    .string({ unit: fc.constantFrom(..."abz019 <>&'\"/=+%-;:."), minLength: 1, maxLength: 8 })
    .filter((text) => text.trim() === text),
  milliseconds: false,
};
const headerName: ArbitraryOptions = {
  text: fc.string({ unit: fc.constantFrom(..."abz019-"), minLength: 1, maxLength: 8 }),
  milliseconds: false,
};
const pathText: ArbitraryOptions = {
  text: fc.string({ unit: fc.constantFrom(..."abz019 <>&'\"=+%-;:,é漢\u{1f600}/"), minLength: 1, maxLength: 8 }),
  milliseconds: false,
};

/** Members where the REST protocols put them: each with the texts that its place can carry. */
function arbitraryMessage(shape: Shape, requiredOnly = false): fc.Arbitrary<Record<string, unknown>> {
  if (!shape.isStructSchema()) return fc.constant({});
  // A length that is not the body's would break the message.
  const members = [...shape.structIterator()].filter(([name]) => name !== "ContentLength");
  const required = members.slice(0, Number((shape.getSchema() as unknown as readonly unknown[])[6] ?? 0));
  const optional = requiredOnly ? [] : members.slice(required.length);
  return fc.subarray(optional, { maxLength: Math.min(5, optional.length) }).chain((chosen) =>
    fc.record(
      Object.fromEntries([...required, ...chosen].map(([name, member]) => [name, arbitraryMember(name, member)])),
      {
        noNullPrototype: true,
      },
    ),
  );
}

function arbitraryMember(name: string, member: Shape): fc.Arbitrary<unknown> {
  const traits = member.getMergedTraits();
  if (traits.httpResponseCode) return fc.constantFrom(200, 202, 206);
  if (name === "Bucket") return headerName.text;
  if (traits.httpPrefixHeaders) return fc.dictionary(headerName.text, headerText.text, { minKeys: 1, maxKeys: 2 });
  if (traits.httpHeader) return integersOnly(member) ?? arbitraryOf(member, headerText);
  if (traits.httpLabel) return pathText.text;
  if (member.isStreaming() || member.isBlobSchema()) return fc.uint8Array({ minLength: 1, maxLength: 8 });
  return arbitraryOf(member, xmlText);
}

/** Sizes and counts in headers. */
function integersOnly(member: Shape): fc.Arbitrary<unknown> | undefined {
  return member.isNumericSchema() ? fc.integer({ min: 0 }) : undefined;
}

/** Without what HTTP itself adds to a message: the body's length, and its type where the sender gave none. */
function withoutAdditions(read: Record<string, unknown>, sent: Record<string, unknown>): Record<string, unknown> {
  const { ContentType, ContentLength: _, ...rest } = read;
  return "ContentType" in sent ? { ContentType, ...rest } : rest;
}

/** Without empty structures and lists, from the inside out: XML and the query have no form for those. */
function pruned<Value>(value: Value): Value;
function pruned(value: unknown): unknown {
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(pruned);
  const kept = Object.entries(value).map(([name, item]) => [name, pruned(item)] as const);
  return Object.fromEntries(kept.filter(([, item]) => item !== undefined && !isEmpty(item)));
}

function isEmpty(value: unknown): boolean {
  if (value === null || typeof value !== "object" || value instanceof Date) return false;
  return Object.keys(value).length === 0;
}
