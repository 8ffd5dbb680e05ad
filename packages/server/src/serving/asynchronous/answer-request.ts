import type { IncomingMessage } from "node:http";
import type { Clock } from "../../clock.ts";
import { ServiceError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { ObjectCatalogue } from "../../objects/object-catalogue.ts";
import { partitionOf, type Scope } from "../../scope.ts";
import { type Store, type StoredRecord, type Write, WriteConflict } from "../../store/store.ts";
import type { CountedFor, CountedValues } from "../counted-values.ts";
import type { Backend } from "../routing/backend.ts";
import type { AsyncRequest, Place } from "./async-request.ts";
import { findInput, InputFault } from "./model-input.ts";
import { type AnswerExcerpt, failureMessage, maxNotifiedBytes, successMessage, uriOf } from "./notification.ts";
import { type StreamedOutcome, sendStream } from "./send-stream.ts";

/** What requests are answered with. */
export interface AsyncWorld {
  readonly store: Store;
  readonly objects: ObjectCatalogue;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: CountedValues;
  /**
   * What publishes a message to an SNS topic, to be written with what it tells of.
   * @throws ServiceError when there is no such topic.
   */
  readonly announce: (scope: Scope, topicArn: string, message: string) => Promise<readonly Write[]>;
}

/** One request on its way to one instance. */
export interface Attempt {
  readonly record: StoredRecord<AsyncRequest>;
  readonly whose: CountedFor;
  readonly backend: Backend;
  /** It may go to another instance, should this one die. */
  readonly mayGoElsewhere: boolean;
}

/** Done with it, one way or the other; or the instance never saw it, or broke with it: another one has to do it. */
export type AttemptEnd = "done" | "refused" | "broken";

/**
 * Takes a request to an instance, and its answer to S3 and to topics. The record goes in one transaction with the
 * notification, after the output is stored: a server that dies before that does all of it again, and writes the same object.
 * @throws What is wrong with the platform itself (a full disk): the request stays, to be tried later.
 */
export async function answerRequest(world: AsyncWorld, attempt: Attempt, signal: AbortSignal): Promise<AttemptEnd> {
  const { record, whose, backend } = attempt;
  const request = record.value;
  const { counters, clock } = world;
  let excerpt: AnswerExcerpt | undefined;
  let outcome: StreamedOutcome;
  const startedAt = performance.now();
  try {
    const input = await findInput(world.objects, request, record.account);
    const sentAt = performance.now();
    outcome = await sendStream(
      backend,
      {
        ...{ headers: headersOf(request), sizeBytes: input.sizeBytes, timeoutMs: request.timeoutMs },
        open: async () => {
          const body = await input.open();
          counters.note(whose, "RequestDownloadLatency", (performance.now() - startedAt) * 1_000);
          return body;
        },
        onAnswer: async (answer) => {
          counters.note(whose, "ModelLatency", (performance.now() - sentAt) * 1_000);
          excerpt = await storeAnswer(world, record, whose, answer);
        },
      },
      signal,
    );
  } catch (error) {
    if (error instanceof InputFault) {
      counters.note(whose, "RequestDownloadFailures", 1);
      return await fail(world, record, whose, { reason: `ClientError: ${error.message}`, said: undefined });
    }
    if (!(error instanceof OutputFault)) throw error;
    counters.note(whose, "ResponseUploadFailures", 1);
    return await fail(world, record, whose, { reason: `ClientError: ${error.message}`, said: undefined });
  }
  if (excerpt !== undefined && outcome.kind === "answered") {
    noteStatus(world, whose, outcome.status);
    const now = clock.now();
    const message = successMessage(request, record.region, now, excerpt);
    await conclude(world, record, whose, request.successTopic, message);
    counters.note(whose, "InvocationsProcessed", 1);
    counters.note(whose, "InvocationsProcesssed", 1);
    counters.note(whose, "TotalProcessingTime", Math.max(0, now - request.receivedAt));
    return "done";
  }
  if (outcome.kind === "refused" || (outcome.kind === "broken" && attempt.mayGoElsewhere)) return outcome.kind;
  noteStatus(world, whose, outcome.kind === "answered" ? outcome.status : 0);
  return await fail(world, record, whose, failureOf(outcome, request));
}

/** Ends a request that nobody has begun in time. */
export async function expire(world: AsyncWorld, record: StoredRecord<AsyncRequest>, whose: CountedFor): Promise<void> {
  world.counters.note(whose, "ExpiredRequests", 1);
  const seconds = Math.round((record.value.expiresAt - record.value.receivedAt) / 1_000);
  const reason = `ClientError: The request waited for longer than its RequestTTLSeconds (${seconds}).`;
  await fail(world, record, whose, { reason, said: undefined });
}

/** The output's bucket will not take it, however often it is tried. */
class OutputFault extends Error {
  override readonly name = "OutputFault";
}

function headersOf({ contentType, accept, customAttributes }: AsyncRequest): Record<string, string> {
  return {
    ...(contentType !== undefined && { "content-type": contentType }),
    ...(accept !== undefined && { accept }),
    ...(customAttributes !== undefined && { "x-amzn-sagemaker-custom-attributes": customAttributes }),
  };
}

/** Streams an answer into its object. @returns Its beginning, should a notification want it. @throws OutputFault. */
async function storeAnswer(
  world: AsyncWorld,
  { value: { output, encryption }, account }: StoredRecord<AsyncRequest>,
  whose: CountedFor,
  answer: IncomingMessage,
): Promise<AnswerExcerpt> {
  const kept: Buffer[] = [];
  let size = 0;
  const contentType = answer.headers["content-type"];
  async function* noted(): AsyncGenerator<Buffer> {
    for await (const chunk of answer) {
      size += (chunk as Buffer).length;
      if (size <= maxNotifiedBytes) kept.push(chunk as Buffer);
      yield chunk as Buffer;
    }
  }
  const startedAt = performance.now();
  await put(world, account, output, noted(), {
    ...(contentType !== undefined && { contentType }),
    ...(encryption && { encryption }),
  });
  world.counters.note(whose, "ResponseUploadLatency", (performance.now() - startedAt) * 1_000);
  return { contentType, body: size <= maxNotifiedBytes ? Buffer.concat(kept) : undefined };
}

async function put(
  { objects }: AsyncWorld,
  account: string,
  place: Place,
  body: AsyncIterable<Uint8Array>,
  attributes: Parameters<ObjectCatalogue["put"]>[3],
): Promise<void> {
  if (!(await objects.hasBucket(place.bucket, account))) {
    throw new OutputFault(`The bucket of ${uriOf(place)} does not exist in this account.`);
  }
  try {
    await objects.put(place.bucket, place.key, body, attributes);
  } catch (error) {
    if (!(error instanceof ServiceError) || error.status >= 500) throw error;
    throw new OutputFault(`${uriOf(place)} cannot be written: ${error.message}`);
  }
}

interface Failure {
  readonly reason: string;
  /** What the model said. */
  readonly said: Buffer | undefined;
}

function failureOf(outcome: StreamedOutcome, { timeoutMs }: AsyncRequest): Failure {
  if (outcome.kind === "answered") {
    const { status, body } = outcome;
    const isClient = status >= 400 && status < 500;
    const [kind, words] = isClient ? ["ClientError", "client error"] : ["ServerError", "server error"];
    const reason = `${kind}: Received ${words} (${status}) from model. ${body === "" ? "It said nothing more." : body}`;
    return { reason, said: Buffer.from(body) };
  }
  const why =
    outcome.kind === "timeout"
      ? `The model gave no answer within ${timeoutMs / 1_000} s (InvocationTimeoutSeconds).`
      : "The model closed the connection before its answer was whole. It may have run out of memory or crashed; its log says more.";
  return { reason: `ServerError: Received server error (0) from model. ${why}`, said: undefined };
}

/** Leaves a failure's object and tells the error topic. */
async function fail(
  world: AsyncWorld,
  record: StoredRecord<AsyncRequest>,
  whose: CountedFor,
  { reason, said }: Failure,
): Promise<"done"> {
  const { value: request, account, region } = record;
  world.counters.note(whose, "InvocationFailures", 1);
  if (request.failure !== undefined) {
    const { encryption } = request;
    const attributes = { contentType: "text/plain", ...(encryption && { encryption }) };
    try {
      await put(world, account, request.failure, once(Buffer.from(reason)), attributes);
    } catch (error) {
      if (!(error instanceof OutputFault)) throw error;
      world.counters.note(whose, "ResponseUploadFailures", 1);
      world.log.warn("an asynchronous request's failure has no place", {
        endpoint: request.endpoint,
        reason: error.message,
      });
    }
  }
  const now = world.clock.now();
  const message = failureMessage(request, region, now, { reason, body: said });
  await conclude(world, record, whose, request.errorTopic, message);
  return "done";
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Tells a topic, and forgets the request. */
async function conclude(
  { store, announce, counters, log }: AsyncWorld,
  { account, region, kind, name, value }: StoredRecord<AsyncRequest>,
  whose: CountedFor,
  topic: string | undefined,
  message: string,
): Promise<void> {
  const deletion: Write = { op: "delete", key: { account, region, kind, name } };
  let announcement: readonly Write[] = [];
  try {
    if (topic !== undefined)
      announcement = await announce({ partition: partitionOf(region), account, region }, topic, message);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    counters.note(whose, "NotificationFailures", 1);
    log.warn("a topic was not told of an asynchronous request", {
      endpoint: value.endpoint,
      topic,
      reason: error.message,
    });
  }
  try {
    await store.write([...announcement, deletion]);
  } catch (error) {
    // Its endpoint was deleted meanwhile, and its requests with it.
    if (!(error instanceof WriteConflict)) throw error;
  }
}

function noteStatus({ counters }: AsyncWorld, whose: CountedFor, status: number): void {
  const isClient = status >= 400 && status < 500;
  const isGood = status >= 200 && status < 300;
  counters.note(whose, "Invocation4XXErrors", isClient ? 1 : 0);
  counters.note(whose, "Invocation5XXErrors", !isClient && !isGood ? 1 : 0);
  counters.note(whose, "InvocationModelErrors", isGood ? 0 : 1);
}
