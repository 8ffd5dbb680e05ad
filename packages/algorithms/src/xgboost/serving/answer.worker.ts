import { parentPort, workerData } from "node:worker_threads";
import type { ModelAnswer } from "../../job/algorithm.ts";
import { RequestError } from "../../job/errors.ts";
import { createJobLog } from "../../job/job-log.ts";
import { load } from "./load.ts";

/** What a thread opens the model with. */
export interface AnswerWork {
  readonly modelDirectory: string;
  readonly library: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** One request. */
export interface SentRequest {
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
  readonly bytes: Uint8Array;
}

/** Its answer, or why there is none. */
export type AnswerResult =
  | { readonly answer: ModelAnswer }
  | { readonly status: RequestError["status"]; readonly message: string }
  /** What nobody foresaw, for the log. */
  | { readonly failure: string };

const { modelDirectory, library, environment }: AnswerWork = workerData;
// The server's thread has told of the model already.
const log = createJobLog({ host: "algo-1", title: "XGBoost", write: () => {} });
const model = await load(modelDirectory, { library, environment: { ...environment }, cpus: 1, log });

parentPort?.on("message", (request: SentRequest) => {
  parentPort?.postMessage(answerTo(request));
  // Freed at once: the collector would look through the heap for it every few requests.
  (request.bytes.buffer as ArrayBuffer).transfer(0);
});

function answerTo({ contentType, accept, bytes }: SentRequest): AnswerResult {
  try {
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { answer: model.answer({ contentType, accept, body }) };
  } catch (error) {
    if (error instanceof RequestError) return { status: error.status, message: error.message };
    return { failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
