import { AwsJson1_1Protocol, AwsQueryProtocol } from "@aws-sdk/core/protocols";
import { HttpResponse } from "@smithy/core/protocols";
import fc from "fast-check";
import { expect, test } from "vitest";
import { loadCodecs, loadService, type OperationSchema, type Shape } from "../schemas.ts";
import { parseQuery } from "../sigv4/encode.ts";
import { type ArbitraryOptions, arbitraryOf } from "./arbitrary.testkit.ts";
import { jsonBody } from "./json-body.ts";
import { wrongType } from "./json-types.ts";
import { queryWriter } from "./query.ts";
import { QueryReader } from "./query-input.ts";

const codecs = await loadCodecs();
const anyText: ArbitraryOptions = { text: fc.string({ unit: "grapheme", maxLength: 8 }), milliseconds: true };
// XML has no form for control characters, and its readers drop white space that stands alone.
const xmlText: ArbitraryOptions = {
  text: fc
    .string({ unit: fc.constantFrom(..."abz019 <>&'\"é漢\u{1f600};/=+%-"), minLength: 1, maxLength: 8 })
    .filter((s) => s.trim() === s),
  milliseconds: false,
};
const endpoint = async () => ({ protocol: "http:", hostname: "h", path: "/" });
const context = { endpoint } as never;

/** The operation as the SDK's protocols take it. */
function asSdk({ name, input, output }: OperationSchema): never {
  return { namespace: "n", name, traits: 0, input, output } as never;
}

async function operations(service: string): Promise<OperationSchema[]> {
  // Event streams have framing of their own, and no operation with one is served.
  const hasEvents = (shape: Shape): boolean =>
    shape.isStructSchema() && [...shape.structIterator()].some(([, member]) => member.isStreaming());
  return [...(await loadService(service)).operations.values()].filter(
    ({ inputShape, outputShape }) => !hasEvents(inputShape) && !hasEvents(outputShape),
  );
}

async function answer(body: Uint8Array | string): Promise<never> {
  return new HttpResponse({ statusCode: 200, headers: {}, body: Buffer.from(body) }) as never;
}

const contextOf = { ...({ endpoint } as object), streamCollector: async (body: Uint8Array) => body } as never;

test.for(["sagemaker", "logs"])(
  "AWS JSON: what the SDK writes is what we read, for every input of %s",
  async (service) => {
    const sdk = new AwsJson1_1Protocol({
      defaultNamespace: "n",
      serviceTarget: "Target",
      errorTypeRegistries: [],
    } as never);
    const json = jsonBody(codecs, false);
    const all = (await operations(service)).filter(({ inputShape }) => inputShape.isStructSchema());
    const anyCall = fc
      .constantFrom(...all)
      .chain((operation) => fc.tuple(fc.constant(operation), arbitraryOf(operation.inputShape, anyText)));
    await fc.assert(
      fc.asyncProperty(anyCall, async ([operation, input]) => {
        const { body } = await sdk.serializeRequest(asSdk(operation), input as never, context);
        const read = json.read(operation.inputShape, bytesOf(body as Uint8Array), "aws-json-1.1");
        expect(withoutTokens(read, input)).toEqual(input);
      }),
      { numRuns: 200 },
    );
  },
);

test.for(["sagemaker", "logs"])(
  "AWS JSON: what we write is what the SDK reads, for every output of %s",
  async (service) => {
    const sdk = new AwsJson1_1Protocol({
      defaultNamespace: "n",
      serviceTarget: "Target",
      errorTypeRegistries: [],
    } as never);
    const json = jsonBody(codecs, false);
    const all = (await operations(service)).filter(({ outputShape }) => outputShape.isStructSchema());
    const anyAnswer = fc
      .constantFrom(...all)
      .chain((operation) => fc.tuple(fc.constant(operation), arbitraryOf(operation.outputShape, anyText)));
    await fc.assert(
      fc.asyncProperty(anyAnswer, async ([operation, output]) => {
        const bytes = json.write(operation.outputShape, output);
        const { $metadata: _, ...read } = (await sdk.deserializeResponse(
          asSdk(operation),
          contextOf,
          await answer(bytes),
        )) as unknown as Record<string, unknown>;
        expect(read).toEqual(output);
      }),
      { numRuns: 200 },
    );
  },
);

test("any JSON at all is either of the model's types or refused with a sentence", async () => {
  const all = (await operations("sagemaker")).filter(({ inputShape }) => inputShape.isStructSchema());
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.jsonValue(), ({ inputShape }, value) => {
      const wrong = wrongType(inputShape, value);
      expect(wrong === undefined || wrong.length > 0).toBe(true);
      if (wrong === undefined) expect(value === null || !Array.isArray(value)).toBe(true);
    }),
  );
});

test.for(["sts", "iam"])("Query: what the SDK writes is what we read, for every input of %s", async (service) => {
  const sdk = new AwsQueryProtocol({
    defaultNamespace: "n",
    version: "v",
    xmlNamespace: "x",
    errorTypeRegistries: [],
  } as never);
  const reader = new QueryReader(codecs);
  const all = (await operations(service)).filter(({ inputShape }) => inputShape.isStructSchema());
  const anyCall = fc
    .constantFrom(...all)
    .chain((operation) =>
      fc.tuple(fc.constant(operation), arbitraryOf(operation.inputShape, { ...anyText, milliseconds: false })),
    );
  await fc.assert(
    fc.asyncProperty(anyCall, async ([operation, input]) => {
      const { body } = await sdk.serializeRequest(asSdk(operation), input as never, context);
      // The form has no way to say that a structure is there but empty.
      expect(pruned(reader.read(operation.inputShape, parseQuery(body as string)))).toEqual(pruned(input));
    }),
    { numRuns: 2000 },
  );
});

test.for(["sts", "iam"])("Query: what we write is what the SDK reads, for every output of %s", async (service) => {
  const sdk = new AwsQueryProtocol({
    defaultNamespace: "n",
    version: "v",
    xmlNamespace: "x",
    errorTypeRegistries: [],
  } as never);
  const write = queryWriter(codecs);
  const all = (await operations(service)).filter(({ outputShape }) => outputShape.isStructSchema());
  const anyAnswer = fc
    .constantFrom(...all)
    .chain((operation) => fc.tuple(fc.constant(operation), arbitraryOf(operation.outputShape, xmlText)));
  await fc.assert(
    fc.asyncProperty(anyAnswer, async ([operation, output]) => {
      const xml = write(operation, service, output, "request-1");
      const { $metadata: _, ...read } = (await sdk.deserializeResponse(
        asSdk(operation),
        contextOf,
        await answer(xml),
      )) as unknown as Record<string, unknown>;
      expect(read).toEqual(output);
    }),
    { numRuns: 2000 },
  );
});

/** The SDK fills in idempotency tokens that the caller left out. */
function withoutTokens(read: unknown, sent: unknown): unknown {
  if (
    read === null ||
    typeof read !== "object" ||
    Array.isArray(read) ||
    read instanceof Uint8Array ||
    read instanceof Date
  )
    return read;
  const kept = Object.entries(read).filter(([name]) => name in (sent as object));
  return Object.fromEntries(kept);
}

/** A view without the deprecated string methods that the SDK puts on its bodies. */
function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Without empty structures and lists, from the inside out. */
function pruned(value: unknown): unknown {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(pruned).filter((item) => !isEmpty(item));
  const kept = Object.entries(value).map(([name, item]) => [name, pruned(item)] as const);
  return Object.fromEntries(kept.filter(([, item]) => !isEmpty(item)));
}

function isEmpty(value: unknown): boolean {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array || value instanceof Date) return false;
  return Object.keys(value).length === 0;
}
