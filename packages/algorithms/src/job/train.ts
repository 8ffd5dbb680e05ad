import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { ReadingTime } from "../formats/stream/reading-time.ts";
import type { AlgorithmModule } from "./algorithm.ts";
import {
  readCheckpointsDirectory,
  readHyperparameterFile,
  readInputDataConfig,
  readResourceConfig,
} from "./config-files.ts";
import { CustomerError } from "./errors.ts";
import { type HyperparameterSchema, parseHyperparameters } from "./hyperparameters.ts";
import { createJobLog, type JobLog } from "./job-log.ts";
import { type MlDirectory, mlDirectory } from "./ml-directory.ts";
import { openChannels } from "./open-channels.ts";
import { pythonDictionary } from "./python-text.ts";

/** Exit codes of a training run: the platform appends them to the failure's text. */
const exitCode = { done: 0, algorithmFailed: 1, inputAtFault: 2 } as const;

/** FailureReason holds 1,024 characters, with the platform's words around ours. */
const maxFailureCharacters = 1000;

/** Runs one training job to its end. @returns The exit code. */
export async function train(
  algorithm: AlgorithmModule,
  environment: NodeJS.ProcessEnv,
  library?: string,
): Promise<number> {
  const ml = mlDirectory(environment);
  const stop = new AbortController();
  const log = createJobLog({ host: readResourceConfig(ml).currentHost, title: algorithm.title });
  process.on("SIGTERM", () => {
    log.info("Received SIGTERM: stopping, with the model as it is now.");
    stop.abort();
  });
  // Also what was thrown where nobody awaits it must fail the job: uncaught, it would leave no failure file.
  process.on("uncaughtException", (error) => process.exit(fail(error, ml, log)));
  const startedAt = Date.now();
  const reading = new ReadingTime();
  // Waiting for a thread by Atomics.waitAsync, or for one that is unreferenced, does not keep a process alive.
  const alive = setInterval(() => undefined, 60_000);
  try {
    await fit(algorithm, { ml, environment, log, signal: stop.signal, library, reading });
    logTotalTime(log, startedAt, reading);
    return exitCode.done;
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) {
      log.info("Stopped before there was a model.");
      return exitCode.done;
    }
    return fail(error, ml, log);
  } finally {
    clearInterval(alive);
  }
}

interface Run {
  readonly ml: MlDirectory;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: JobLog;
  readonly signal: AbortSignal;
  readonly library: string | undefined;
  readonly reading: ReadingTime;
}

async function fit(algorithm: AlgorithmModule, run: Run): Promise<void> {
  const { ml, environment, log, signal, library, reading } = run;
  const given = readHyperparameterFile(ml);
  logConfiguration(log, algorithm, given, ml);
  const hyperparameters = parseHyperparameters(algorithm.hyperparameters, given, algorithm.wording);
  const cpus = readCount(environment.SAGEBRUSH_CPUS) ?? availableParallelism();
  const memoryBytes = readCount(environment.SAGEBRUSH_MEMORY_BYTES);
  const resources = { dataDirectory: ml.data, cpus, memoryBytes, signal, reading };
  const channels = openChannels(algorithm, readInputDataConfig(ml), resources);
  mkdirSync(ml.model, { recursive: true });
  mkdirSync(ml.outputData, { recursive: true });
  const checkpointsDirectory = readCheckpointsDirectory(ml);
  if (checkpointsDirectory !== undefined) mkdirSync(checkpointsDirectory, { recursive: true });
  await algorithm.fit({
    hyperparameters,
    given,
    channels,
    resources: readResourceConfig(ml),
    log,
    modelDirectory: ml.model,
    outputDirectory: ml.outputData,
    checkpointsDirectory,
    cpus,
    memoryBytes,
    signal,
    library,
  });
}

/** The three lines with which SageMaker's own algorithms begin. */
function logConfiguration(
  log: JobLog,
  { name, hyperparameters }: AlgorithmModule,
  given: Readonly<Record<string, string>>,
  ml: MlDirectory,
): void {
  const defaults = defaultTexts(hyperparameters);
  const file = `${ml.config}/hyperparameters.json`;
  log.info(`Reading default configuration from ${name}/default-input.json: ${pythonDictionary(defaults)}`);
  log.info(`Merging with provided configuration from ${file}: ${pythonDictionary(given)}`);
  log.info(`Final configuration: ${pythonDictionary({ ...defaults, ...given })}`);
}

function defaultTexts(schema: HyperparameterSchema): Record<string, string> {
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([, declared]) => declared.default !== undefined)
      .map(([name, declared]) => [name, defaultText(declared.default)]),
  );
}

function defaultText(value: unknown): string {
  return Array.isArray(value) ? JSON.stringify(value) : String(value);
}

function logTotalTime(log: JobLog, startedAt: number, reading: ReadingTime): void {
  const total = Date.now() - startedAt;
  const waited = Math.min(total, Math.round(reading.millis));
  log.info(`Waited ${waited} ms for rows; all else took ${total - waited} ms.`);
  log.metrics({
    startTime: startedAt / 1000,
    dimensions: { Operation: "training" },
    metrics: { totaltime: { sum: total, count: 1, min: total, max: total } },
  });
}

function fail(error: unknown, ml: MlDirectory, log: JobLog): number {
  const isInput = error instanceof CustomerError;
  const text = isInput ? error.message : describeFailure(error);
  log.error(`${isInput ? "Customer Error" : "Algorithm Error"}: ${text}`);
  if (!isInput && error instanceof Error && error.stack !== undefined) log.error(error.stack);
  mkdirSync(dirname(ml.failure), { recursive: true });
  writeFileSync(ml.failure, text.slice(0, maxFailureCharacters));
  return isInput ? exitCode.inputAtFault : exitCode.algorithmFailed;
}

function describeFailure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // What V8 says when a typed array or a WebAssembly memory finds no room.
  return error instanceof RangeError &&
    /allocation failed|invalid (typed array|array buffer) length|could not allocate|grow/i.test(message)
    ? `Out of Memory. Please use a larger instance type and/or reduce the values of other parameters. (${message})`
    : message;
}

/** Reads a limit, of which a fraction counts as one (half a core still runs one thread). */
function readCount(text: string | undefined): number | undefined {
  const count = Number(text);
  return text === undefined || !Number.isFinite(count) || count <= 0 ? undefined : Math.max(1, Math.floor(count));
}
