import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const program = join(root, "packages/algorithms/.build/sagebrush-algorithm.mjs");

/** One training job as a benchmark runs it: the program of the container, without the platform around it. */
export interface BenchJob {
  readonly algorithm: string;
  readonly hyperparameters: Readonly<Record<string, string>>;
  /** File of the train channel. */
  readonly file: string;
  /** File of the test channel, where there is one. */
  readonly testFile?: string;
  readonly contentType: string;
  /** The shared library that the algorithm stands on. */
  readonly library?: string;
}

/** What a run took and left. */
export interface BenchRun {
  /** From spawning the process to its exit. */
  readonly wholeMillis: number;
  /** Of that, after the program's own start, all but waiting for rows; helpers may have read rows meanwhile. */
  readonly fitMillis: number;
  readonly log: string;
  readonly modelDirectory: string;
}

/** Runs the training program in a folder below `work`. @throws Error with the log when it fails. */
export function runTraining(work: string, job: BenchJob): BenchRun {
  const ml = mkdtempSync(join(work, "ml-"));
  const config = join(ml, "input/config");
  mkdirSync(config, { recursive: true });
  const channels: Record<string, object> = {};
  for (const [name, file] of Object.entries({ train: job.file, test: job.testFile })) {
    if (file === undefined) continue;
    const channel = join(ml, "input/data", name);
    mkdirSync(channel, { recursive: true });
    symlinkSync(file, join(channel, basename(file)));
    channels[name] = { ContentType: job.contentType, TrainingInputMode: "File" };
  }
  const write = (name: string, value: unknown) => writeFileSync(join(config, name), JSON.stringify(value));
  write("hyperparameters.json", job.hyperparameters);
  write("inputdataconfig.json", channels);
  write("resourceconfig.json", { current_host: "algo-1", hosts: ["algo-1"] });
  const started = performance.now();
  const words = [program, "train", job.algorithm, ...(job.library === undefined ? [] : [job.library])];
  const result = spawnSync(process.execPath, words, {
    env: { ...process.env, SAGEBRUSH_ML_ROOT: ml },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const wholeMillis = performance.now() - started;
  if (result.status !== 0) throw new Error(`training failed:\n${result.stdout}\n${result.stderr}`);
  const fit = /Waited \d+ ms for rows; all else took (\d+) ms/.exec(result.stdout)?.[1];
  if (fit === undefined) throw new Error("the training log does not say how long rows were waited for");
  return { wholeMillis, fitMillis: Number(fit), log: result.stdout, modelDirectory: join(ml, "model") };
}
