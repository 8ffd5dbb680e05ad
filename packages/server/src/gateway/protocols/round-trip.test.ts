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

/** One protocol: the SDK's side of it, ours, and what each can say. */
interface Pair {
  readonly sdk: AwsJson1_1Protocol | AwsQueryProtocol;
  /** Messages to try: more where there are many forms of few operations. */
  readonly runs: number;
  readonly input: ArbitraryOptions;
  readonly output: ArbitraryOptions;
  read(operation: OperationSchema, body: string | Uint8Array): unknown;
  write(operation: OperationSchema, service: string, output: unknown): Uint8Array | string;
  /** The values without what the form cannot tell apart. */
  alike(value: unknown, sent: unknown): unknown;
}

const json = jsonBody(codecs, false);
const queryReader = new QueryReader(codecs);
const writeQuery = queryWriter(codecs);

const awsJson: Pair = {
  sdk: new AwsJson1_1Protocol({ defaultNamespace: "n", serviceTarget: "Target", errorTypeRegistries: [] } as never),
  runs: 200,
  input: anyText,
  output: anyText,
  read: ({ inputShape }, body) => json.read(inputShape, bytesOf(body as Uint8Array), "aws-json-1.1"),
  write: ({ outputShape }, _service, output) => json.write(outputShape, output),
  alike: withoutTokens,
};

const query: Pair = {
  sdk: new AwsQueryProtocol({
    ...{ defaultNamespace: "n", version: "v", xmlNamespace: "x", errorTypeRegistries: [] },
  } as never),
  runs: 2000,
  input: { ...anyText, milliseconds: false },
  output: xmlText,
  read: ({ inputShape }, body) => queryReader.read(inputShape, parseQuery(body as string)),
  write: (operation, service, output) => writeQuery(operation, service, output, "request-1"),
  // The form has no way to say that a structure is there but empty.
  alike: pruned,
};

const pairs = [
  { form: "AWS JSON", service: "sagemaker", pair: awsJson },
  { form: "AWS JSON", service: "logs", pair: awsJson },
  { form: "Query", service: "sts", pair: query },
  { form: "Query", service: "iam", pair: query },
];

test.for(pairs)(
  "$form: what the SDK writes is what we read, for every input of $service",
  async ({ service, pair }) => {
    await fc.assert(
      fc.asyncProperty(await anyOf(service, "inputShape", pair.input), async ([operation, input]) => {
        const { body } = await pair.sdk.serializeRequest(asSdk(operation), input as never, context);
        expect(pair.alike(pair.read(operation, body as Uint8Array), input)).toEqual(pair.alike(input, input));
      }),
      { numRuns: pair.runs },
    );
  },
);

test.for(pairs)(
  "$form: what we write is what the SDK reads, for every output of $service",
  async ({ service, pair }) => {
    await fc.assert(
      fc.asyncProperty(await anyOf(service, "outputShape", pair.output), async ([operation, output]) => {
        const body = await answer(pair.write(operation, service, output));
        const { $metadata: _, ...read } = (await pair.sdk.deserializeResponse(
          asSdk(operation),
          contextOf,
          body,
        )) as unknown as Record<string, unknown>;
        expect(read).toEqual(output);
      }),
      { numRuns: pair.runs },
    );
  },
);

/** Any operation of a service that has such a message, with any such message. */
async function anyOf(service: string, side: "inputShape" | "outputShape", options: ArbitraryOptions) {
  const all = (await operations(service)).filter((operation) => operation[side].isStructSchema());
  return fc
    .constantFrom(...all)
    .chain((operation) => fc.tuple(fc.constant(operation), arbitraryOf(operation[side], options)));
}

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
