import type { Readable } from "node:stream";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { type ByteSource, streamSource } from "../objects/bytes/byte-source.ts";
import { inOrder } from "./in-order.ts";
import { attempt } from "./model/attempt.ts";
import { invoke, type ModelServer } from "./model/invoke.ts";
import type { KeptAnswer } from "./model/kept-answer.ts";
import { streamedAttempt } from "./model/streamed-attempt.ts";
import { type Payload, payloads } from "./payloads.ts";
import type { Permits } from "./permits.ts";
import { SplitError } from "./splits/framing.ts";
import type { PortionMemory } from "./splits/portions.ts";
import type { TransformSettings } from "./transform-settings.ts";

/** One object on its way through a model. */
export interface ObjectTransform {
  /** Its bytes from the beginning; called again where a request that had them all is repeated. */
  readonly open: () => Promise<Readable>;
  /** The same, to be read into memory that is used again. */
  readonly source: () => Promise<ByteSource>;
  readonly settings: TransformSettings;
  readonly server: ModelServer;
  readonly permits: Permits;
  readonly memories: PortionMemory;
  /** Where large answers are kept; must exist. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Called once the object is read to its end: another one may use the permits. */
  readonly onRead: () => void;
}

const lineFeed = Buffer.from("\n");

/**
 * The bytes of the object's output, in the order of its input. No more than MaxConcurrentTransforms bodies and their answers are
 * in memory.
 * @throws InvocationFailed, SplitError, RecordFault, and what reading the object throws. What has come until then is no output.
 */
export async function* transformObject(transform: ObjectTransform): AsyncGenerator<Buffer> {
  const { settings } = transform;
  const isStreamed =
    settings.maxPayloadInMB === 0 &&
    !settings.processing.readsRecords &&
    (settings.splitType === "None" || settings.strategy === "MultiRecord");
  if (isStreamed) yield* streamedObject(transform);
  else yield* objectInBodies(transform);
}

async function* objectInBodies(transform: ObjectTransform): AsyncGenerator<Buffer> {
  const { settings, server, permits, memories, folder, onRead } = transform;
  const broken = new AbortController();
  const signal = AbortSignal.any([transform.signal, broken.signal]);
  const source = await sourceOf(transform);
  const headers = headersOf(settings);
  const { timeoutMs } = settings.client;
  const ask = async (payload: Payload): Promise<{ payload: Payload; answer: KeptAnswer }> => {
    const request = { headers, body: payload.body, timeoutMs, folder };
    try {
      const answer = await invoke(server, settings.client, signal, (backend) => attempt(backend, request, signal));
      return { payload, answer };
    } finally {
      if (payload.memory !== undefined) memories.give(payload.memory);
    }
  };
  try {
    const items = payloads(source, settings, memories);
    const answers = inOrder(items, ask, ({ answer }) => answer.discard(), {
      permits,
      onLast: onRead,
      onFailure: () => broken.abort(new Error("another request of the object failed")),
    });
    for await (const { payload, answer } of answers) yield* assembled(payload, answer, settings);
  } finally {
    await source.close();
  }
}

/** The whole object in one request, however large: what it is read from is what is sent. */
async function* streamedObject(transform: ObjectTransform): AsyncGenerator<Buffer> {
  const { settings, server, permits, folder, signal, onRead } = transform;
  const headers = headersOf(settings);
  const { timeoutMs } = settings.client;
  await permits.acquire();
  try {
    const answer = await invoke(server, settings.client, signal, async (backend) =>
      streamedAttempt(backend.address, { headers, timeoutMs, folder }, await opened(transform), signal),
    );
    onRead();
    const whole = { body: lineFeed, first: 1, records: [], isSingle: settings.splitType === "None" };
    yield* assembled(whole, answer, settings);
  } finally {
    onRead();
    permits.release();
  }
}

/** What requests are made of. */
async function sourceOf(transform: ObjectTransform): Promise<ByteSource> {
  return transform.settings.isGzip ? streamSource(await opened(transform)) : await transform.source();
}

/** The object's bytes, decompressed where they are compressed. */
async function opened({ open, settings }: ObjectTransform): Promise<Readable> {
  const bytes = await open();
  if (!settings.isGzip) return bytes;
  const clear = createGunzip({ chunkSize: 256 * 1024 });
  // Errors of the source arrive at whoever reads.
  return pipeline(bytes, clear, () => undefined) as unknown as Readable;
}

function headersOf({ contentType, accept }: TransformSettings): string[] {
  return [
    ...(contentType === undefined ? [] : ["content-type", contentType]),
    ...(accept === undefined ? [] : ["accept", accept]),
  ];
}

/** What is stored of one answer. */
async function* assembled(payload: Payload, answer: KeptAnswer, settings: TransformSettings): AsyncGenerator<Buffer> {
  const { processing, assembleWith } = settings;
  try {
    if (!processing.readsAnswers) {
      const endsWell = assembleWith === "None" || answer.size === 0 || answer.lastByte === lineFeed[0];
      yield* answer.pieces();
      // The end of a line is never doubled: each line of the output is an answer.
      if (!endsWell) yield lineFeed;
      return;
    }
    const answers = processing.answers(await wholeAnswer(answer), payload.isSingle);
    const outputs = processing.outputs(payload.records, answers, Math.max(1, payload.first));
    if (outputs.length === 0) return;
    const end = assembleWith === "Line" ? "\n" : "";
    yield processing.outputBytes(`${outputs.join(assembleWith === "Line" ? "\n" : "")}${end}`);
  } finally {
    await answer.discard();
  }
}

async function wholeAnswer(answer: KeptAnswer): Promise<Buffer> {
  try {
    return await answer.whole();
  } catch (error) {
    if (error instanceof RangeError) throw new SplitError(error.message, { cause: error });
    throw error;
  }
}
