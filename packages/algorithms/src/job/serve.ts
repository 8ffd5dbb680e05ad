import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import type { Answerer, LoadContext, Predictor, ServableModule } from "./algorithm.ts";
import { createJobLog } from "./job-log.ts";
import { mlDirectory } from "./ml-directory.ts";
import { memoryRoom } from "./serving/memory-room.ts";
import { ModelTable } from "./serving/model-table.ts";
import { ModelWait } from "./serving/model-wait.ts";
import { negotiate } from "./serving/negotiate.ts";
import { readRequest } from "./serving/read-request.ts";
import { RequestHandler, type Served } from "./serving/request-handler.ts";
import { writeResponse } from "./serving/write-response.ts";

const maxConnections = 1024;
/** Within the 30 seconds between SIGTERM and SIGKILL. */
const drainMillis = 25_000;
/** A server without a model is not kept for longer. */
const mostWaitMillis = 20 * 60_000;

/**
 * Loads the model and answers GET /ping and POST /invocations until SIGTERM; with SAGEMAKER_MULTI_MODEL, loads the models
 * that it is told to and answers for each of them. With SAGEBRUSH_WAIT it was started before there is a model: see `ModelWait`.
 */
export async function serve(
  algorithm: ServableModule,
  environment: NodeJS.ProcessEnv,
  library?: string,
): Promise<void> {
  const log = createJobLog({ host: "algo-1", title: algorithm.title });
  const cpus = Math.max(1, Math.floor(Number(environment.SAGEBRUSH_CPUS ?? availableParallelism()) || 1));
  const context = { environment, library, cpus, log };
  const front = new ModelWait();
  // No idle timeout: the gateway keeps connections, and closing one just as it sends would fail a request.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => front.handle(request, response));
  server.maxConnections = maxConnections;
  process.once("SIGTERM", () => {
    log.info("Received SIGTERM: finishing the requests that have begun.");
    if (front.handler === undefined) process.exit(0);
    front.handler.isDraining = true;
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), drainMillis).unref();
  });
  const waits = environment.SAGEBRUSH_WAIT === "1";
  if (waits) {
    await listen(server, environment);
    // Whoever started it may be gone.
    const forgotten = setTimeout(() => process.exit(0), mostWaitMillis);
    await front.told;
    clearTimeout(forgotten);
  }
  const isMultiModel = environment.SAGEMAKER_MULTI_MODEL?.toLowerCase() === "true";
  const served = isMultiModel ? manyModels(algorithm, context) : await oneModel(algorithm, context);
  if (served === undefined) process.exit(1);
  front.handler = new RequestHandler(served, log);
  if (!waits) await listen(server, environment);
  log.info(isMultiModel ? "Ready for models." : "Model loaded, ready for requests.");
}

async function listen(server: Server, environment: NodeJS.ProcessEnv): Promise<void> {
  const socket = environment.SAGEBRUSH_LISTEN;
  if (socket === undefined) server.listen(Number(environment.SAGEMAKER_BIND_TO_PORT ?? 8080));
  else {
    rmSync(socket, { force: true }); // left by a run that was killed
    server.listen(socket);
  }
  await once(server, "listening");
}

async function oneModel(algorithm: ServableModule, context: LoadContext): Promise<Served | undefined> {
  const { log, environment } = context;
  try {
    return { model: await openAnswerer(algorithm, mlDirectory(environment).model, context) };
  } catch (error) {
    if (error instanceof Error && error.stack !== undefined) log.error(error.stack);
    // Last, because an endpoint's FailureReason quotes the log's end.
    log.error(`The model cannot be loaded: ${reasonOf(error)}`);
    return undefined;
  }
}

function manyModels(algorithm: ServableModule, context: LoadContext): Served {
  const { environment } = context;
  const limit = Number(environment.SAGEBRUSH_MEMORY_BYTES);
  const open = async (directory: string): Promise<Answerer> => {
    const whole = await openAnswerer(algorithm, directory, { ...context, cpus: 1 });
    if (whole.answersLater === true) return whole;
    // Threads of its own are too much for one model among many.
    const { answerLarge: _threads, ...answerer } = whole;
    return answerer;
  };
  const { root } = mlDirectory(environment);
  return { models: new ModelTable({ open, root, hasRoom: memoryRoom(limit > 0 ? limit : undefined), reasonOf }) };
}

async function openAnswerer(algorithm: ServableModule, directory: string, context: LoadContext): Promise<Answerer> {
  const model = await algorithm.load(directory, context);
  return "answer" in model ? model : standardAnswers(algorithm, model);
}

function reasonOf(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") {
    const file = basename((error as NodeJS.ErrnoException).path ?? "");
    return `the model has no file ${file}. Does ModelDataUrl name the model.tar.gz of a training job of this algorithm?`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Requests and answers in the forms that the service's own algorithms share. */
function standardAnswers({ response, requestTypes }: ServableModule, predictor: Predictor): Answerer {
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
