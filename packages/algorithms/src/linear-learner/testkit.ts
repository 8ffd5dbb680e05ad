import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Table } from "../formats/rows.ts";
import type { TrainingContext } from "../job/algorithm.ts";
import type { Channel } from "../job/channels.ts";
import { parseHyperparameters } from "../job/hyperparameters.ts";
import { createJobLog } from "../job/job-log.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import type { TrainedModel } from "./artifact.ts";
import { loadModel } from "./artifact.ts";
import { fit } from "./fit.ts";
import { hyperparameters } from "./hyperparameters.ts";
import { Moments } from "./moments.ts";
import { estimateScaling, type Scaling } from "./scaling.ts";
import type { Settings } from "./settings.ts";
import { type Facts, Survey } from "./survey.ts";

/** A job in memory, as tests start it. */
export interface TestJob {
  readonly given: Readonly<Record<string, string>>;
  readonly train: Table;
  readonly validation?: Table;
  readonly test?: Table;
  readonly checkpointsDirectory?: string;
  readonly signal?: AbortSignal;
  readonly cpus?: number;
  /** Sees each line as it is printed. */
  readonly onLine?: (line: string) => void;
}

/** Runs a job to its end. @returns The printed lines, and the model that it left. */
export async function runJob(job: TestJob): Promise<{ lines: string[]; model: TrainedModel; directory: string }> {
  const directory = temporaryDirectory();
  const lines: string[] = [];
  const tables = { train: job.train, validation: job.validation, test: job.test };
  const channels = Object.entries(tables).flatMap(([name, table]) =>
    table === undefined ? [] : [[name, channel(name, table, job.cpus ?? 1)] as const],
  );
  const context: TrainingContext<ReturnType<typeof parse>> = {
    hyperparameters: parse(job.given),
    given: job.given,
    channels: new Map(channels),
    resources: { currentHost: "algo-1", hosts: ["algo-1"], instanceType: undefined },
    log: createJobLog({
      host: "algo-1",
      title: "Linear Learner",
      write: (line) => {
        lines.push(line);
        job.onLine?.(line);
      },
    }),
    modelDirectory: directory,
    outputDirectory: directory,
    checkpointsDirectory: job.checkpointsDirectory,
    cpus: job.cpus ?? 1,
    memoryBytes: undefined,
    signal: job.signal ?? new AbortController().signal,
    library: undefined,
  };
  await fit(context);
  return { lines, model: await loadModel(directory), directory };
}

/** What a channel with this table is scaled by. */
export function scalingOf(table: Table, settings: Settings): Scaling {
  const moments = new Moments(settings.given.num_point_for_scaler);
  moments.add(table.features, table.labels);
  return estimateScaling(moments, table.features.kind, settings);
}

/** What is known of a training channel with this table. */
export function factsOf(table: Table, settings: Settings): Facts {
  const survey = new Survey("train", settings);
  survey.add(table);
  return survey.facts;
}

function parse(given: Readonly<Record<string, string>>) {
  return parseHyperparameters(hyperparameters, given);
}

function channel(name: string, table: Table, cpus: number): Channel {
  const directory = temporaryDirectory();
  // The number of threads follows the size of the input: a file with nothing but a size makes several worth while.
  writeFileSync(join(directory, "rows"), "");
  truncateSync(join(directory, "rows"), cpus * 16 * 1024 * 1024);
  return {
    name,
    directory,
    contentType: undefined,
    distribution: "FullyReplicated",
    isEmpty: () => false,
    read: async () => table,
    readIfKept: async () => table,
    stream: () => {
      throw new Error("a table in memory is not streamed");
    },
  };
}
