import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import type { AlgorithmModule, Answerer, LoadContext, Predictor } from "./algorithm.ts";
import { RequestError } from "./errors.ts";
import { createJobLog, type JobLog } from "./job-log.ts";
import { mlDirectory } from "./ml-directory.ts";
import { negotiate } from "./serving/negotiate.ts";
import { readRequest } from "./serving/read-request.ts";
import { writeResponse } from "./serving/write-response.ts";

/** The largest payload of a batch transform, which is the largest there is. */
const maxBodyBytes = 100 * 1024 * 1024;
const maxConnections = 1024;
/** Bodies from this size on are large: reading them takes longer than handing them to a thread. */
const largeBodyBytes = 512 * 1024;
/** Within the 30 seconds between SIGTERM and SIGKILL. */
const drainMillis = 25_000;
/** Loads the model and answers GET /ping and POST /invocations until SIGTERM. */
export async function serve(
  algorithm: AlgorithmModule,
  environment: NodeJS.ProcessEnv,
  library?: string,
): Promise<void> {
  const log = createJobLog({ host: "algo-1", title: algorithm.title });
  const cpus = Math.max(1, Math.floor(Number(environment.SAGEBRUSH_CPUS ?? availableParallelism()) || 1));
  const context = { environment, library, cpus, log };
  const model = await loadModel(algorithm, mlDirectory(environment).model, context);
  if (model === undefined) process.exit(1);
  const handler = new RequestHandler("answer" in model ? model : standardAnswers(algorithm, model), log);
  // No idle timeout: the gateway keeps connections, and closing one just as it sends would fail a request.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => handler.handle(request, response));
  server.maxConnections = maxConnections;
  const socket = environment.SAGEBRUSH_LISTEN;
  if (socket === undefined) server.listen(Number(environment.SAGEMAKER_BIND_TO_PORT ?? 8080));
  else {
    rmSync(socket, { force: true }); // left by a run that was killed
    server.listen(socket);
  }
  server.once("listening", () => log.info("Model loaded, ready for requests."));
  process.once("SIGTERM", () => {
    log.info("Received SIGTERM: finishing the requests that have begun.");
    handler.isDraining = true;
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), drainMillis).unref();
  });
}

async function loadModel(
  algorithm: AlgorithmModule,
  directory: string,
  context: LoadContext,
): Promise<Predictor | Answerer | undefined> {
  const { log } = context;
  try {
    return await algorithm.load(directory, context);
  } catch (error) {
    if (error instanceof Error && error.stack !== undefined) log.error(error.stack);
    // Last, because an endpoint's FailureReason quotes the log's end.
    log.error(`The model cannot be loaded: ${reasonOf(error)}`);
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") {
    const file = basename((error as NodeJS.ErrnoException).path ?? "");
    return `the model has no file ${file}. Does ModelDataUrl name the model.tar.gz of a training job of this algorithm?`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Requests and answers in the forms that the service's own algorithms share. */
function standardAnswers({ response, requestTypes }: AlgorithmModule, predictor: Predictor): Answerer {
  return {
    maxConcurrentTransforms: 1,
    answer: ({ contentType, accept, body }) => {
      const { type, parameters } = negotiate(accept, response.defaultAccept);
      const { rows, configurations } = readRequest(contentType, body, predictor.featureDim, requestTypes);
      const predictions = predictor.predict(rows, {
        acceptParameters: parameters,
        ...(configurations === undefined ? {} : { configurations }),
      });
      return { status: 200, type, body: writeResponse(predictions, type, response) };
    },
  };
}

class RequestHandler {
  readonly #answerer: Answerer;
  readonly #executionParameters: string;
  readonly #log: JobLog;
  /** Connections are closed after their answer. */
  isDraining = false;

  constructor(answerer: Answerer, log: JobLog) {
    this.#answerer = answerer;
    this.#executionParameters = JSON.stringify({
      MaxConcurrentTransforms: answerer.maxConcurrentTransforms,
      BatchStrategy: "MULTI_RECORD",
      MaxPayloadInMB: 6,
    });
    this.#log = log;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { method, url = "/" } = request;
    const path = url.includes("?") ? url.slice(0, url.indexOf("?")) : url;
    if (path === "/invocations" && method === "POST") this.#receive(request, response);
    else if (path === "/ping" && method === "GET") this.#answer(response, 200, "text/plain", "");
    else if (path === "/execution-parameters" && method === "GET") {
      this.#answer(response, 200, "application/json", this.#executionParameters);
    } else {
      const isKnown = path === "/invocations" || path === "/ping" || path === "/execution-parameters";
      request.resume();
      this.#answer(response, isKnown ? 405 : 404, "text/plain", `${method} ${path} is not answered here.`);
    }
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBodyBytes) chunks.push(chunk);
      else if (!response.headersSent) {
        chunks.length = 0;
        response.shouldKeepAlive = false;
        this.#answer(response, 413, "text/plain", `The body is larger than ${maxBodyBytes} bytes.`);
      }
    });
    request.on("end", () => {
      if (response.headersSent) return;
      const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
      this.#invoke(request, response, body);
    });
    // The caller went away: there is nobody to answer.
    request.on("error", () => response.destroy());
  }

  #invoke({ headers }: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { accept, "content-type": contentType } = headers;
    const asked = { contentType, accept, body };
    if (body.length >= largeBodyBytes && this.#answerer.answerLarge) {
      this.#answerer.answerLarge(asked).then(
        ({ status, type, body: answer }) => this.#answer(response, status, type, answer),
        (error: unknown) => this.#refuse(response, error),
      );
      return;
    }
    try {
      const { status, type, body: answer } = this.#answerer.answer(asked);
      this.#answer(response, status, type, answer);
    } catch (error) {
      this.#refuse(response, error);
    }
  }

  #refuse(response: ServerResponse, error: unknown): void {
    if (error instanceof RequestError) {
      this.#answer(response, error.status, "text/plain", error.message);
      return;
    }
    this.#log.error(`A prediction failed: ${error instanceof Error ? error.stack : String(error)}`);
    this.#answer(response, 500, "text/plain", "The model failed on this request; the log says more.");
  }

  #answer(response: ServerResponse, status: number, contentType: string, body: string | Buffer): void {
    if (this.isDraining) response.shouldKeepAlive = false;
    response.writeHead(status, { "Content-Type": contentType, "Content-Length": Buffer.byteLength(body) });
    response.end(body);
  }
}
