import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AlgorithmModule, Predictor } from "../job/algorithm.ts";
import { parseHyperparameters } from "../job/hyperparameters.ts";
import { createJobLog } from "../job/job-log.ts";
import { openChannels } from "../job/open-channels.ts";
import { type ChannelFiles, writeFiles } from "./channel.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A training job as `train` starts it, in this process. */
export interface FitJob {
  readonly given: Readonly<Record<string, string>>;
  /** Files of each channel. */
  readonly channels: Readonly<Record<string, ChannelFiles>>;
  readonly contentType?: string;
  readonly cpus?: number;
  /** Memory that the job is told it has. */
  readonly memoryBytes?: number;
  readonly instanceType?: string;
  readonly checkpointsDirectory?: string;
  /** Path of a shared library, for algorithms that stand on one. */
  readonly library?: string;
  readonly signal?: AbortSignal;
  /** Sees each line as it is printed. */
  readonly onLine?: (line: string) => void;
}

/** What a job left. */
export interface FitResult {
  readonly lines: readonly string[];
  /** Values that a metric's regex finds in the lines, as the platform would. */
  metric(name: string): number[];
  /** The model's files, by name. */
  readonly model: Readonly<Record<string, Buffer>>;
  readonly modelDirectory: string;
  readonly outputDirectory: string;
  load(): Promise<Predictor>;
}

/** Loads a model for serving. */
export async function loadPredictor(algorithm: AlgorithmModule, directory: string): Promise<Predictor> {
  const log = createJobLog({ host: "algo-1", title: algorithm.title, write: () => undefined });
  const loaded = await algorithm.load(directory, { environment: {}, library: undefined, cpus: 1, log });
  if (!("predict" in loaded)) throw new Error(`${algorithm.name} answers requests in a form of its own`);
  return loaded;
}

/** Runs a job to its end. @throws What `fit` throws. */
export async function runFit(algorithm: AlgorithmModule, job: FitJob): Promise<FitResult> {
  const dataDirectory = temporaryDirectory();
  for (const [name, files] of Object.entries(job.channels)) {
    writeFiles(join(dataDirectory, name), files);
  }
  const lines: string[] = [];
  const write = (line: string) => {
    lines.push(line);
    job.onLine?.(line);
  };
  const signal = job.signal ?? new AbortController().signal;
  const limits = { cpus: job.cpus ?? 1, memoryBytes: job.memoryBytes, signal };
  const config = {
    TrainingInputMode: "File",
    ...(job.contentType === undefined ? {} : { ContentType: job.contentType }),
  };
  const [modelDirectory, outputDirectory] = [temporaryDirectory(), temporaryDirectory()];
  await algorithm.fit({
    hyperparameters: parseHyperparameters(algorithm.hyperparameters, job.given),
    given: job.given,
    channels: openChannels(algorithm, Object.fromEntries(Object.keys(job.channels).map((name) => [name, config])), {
      dataDirectory,
      ...limits,
    }),
    resources: { currentHost: "algo-1", hosts: ["algo-1"], instanceType: job.instanceType },
    log: createJobLog({ host: "algo-1", title: algorithm.title, write }),
    modelDirectory,
    outputDirectory,
    checkpointsDirectory: job.checkpointsDirectory,
    library: job.library,
    ...limits,
  });
  return {
    lines,
    metric: (name) => {
      const regex = algorithm.metrics.find((metric) => metric.name === name)?.regex;
      if (regex === undefined) throw new Error(`${algorithm.name} has no metric ${name}`);
      return lines.flatMap((line) => {
        const value = new RegExp(regex).exec(line)?.[1];
        return value === undefined ? [] : [Number(value)];
      });
    },
    model: Object.fromEntries(
      readdirSync(modelDirectory).map((name) => [name, readFileSync(join(modelDirectory, name))]),
    ),
    modelDirectory,
    outputDirectory,
    load: () => loadPredictor(algorithm, modelDirectory),
  };
}
