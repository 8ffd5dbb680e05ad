import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A job whose memory is measured. */
export interface MemoryBound {
  readonly given: Readonly<Record<string, string>>;
  /** A file of about a MiB, CSV or RecordIO; the channel has it many times over. */
  readonly csv?: string;
  readonly recordIo?: Uint8Array;
  /** How often the smaller job has it. */
  readonly times: number;
  /** What the run may use. */
  readonly limitBytes: number;
  /** How much more a job with ten times the rows may take; far less than those rows take as numbers. */
  readonly growthBytes: number;
  /** Path of the shared library that the algorithm stands on, where it has one. */
  readonly library?: string;
}

const program = join(import.meta.dirname, "measured-program.ts");

/** Runs a job in a process of its own. @returns The most memory that it had. */
export function peakMemory(
  algorithm: string,
  { given, csv, recordIo, times, limitBytes, library }: MemoryBound,
  factor: number,
): number {
  const ContentType = csv === undefined ? "application/x-recordio-protobuf" : "text/csv";
  const root = temporaryDirectory();
  mkdirSync(join(root, "input/config"), { recursive: true });
  mkdirSync(join(root, "input/data/train"), { recursive: true });
  const channels = { train: { ContentType, TrainingInputMode: "File" } };
  writeFileSync(join(root, "input/config/hyperparameters.json"), JSON.stringify(given));
  writeFileSync(join(root, "input/config/inputdataconfig.json"), JSON.stringify(channels));
  for (let i = 0; i < times * factor; i++) {
    writeFileSync(join(root, "input/data/train", `part-${i}`), csv ?? recordIo ?? "");
  }
  const env = { SAGEBRUSH_ML_ROOT: root, SAGEBRUSH_CPUS: "2", SAGEBRUSH_MEMORY_BYTES: String(limitBytes) };
  const output = execFileSync(process.execPath, [program, algorithm, ...(library === undefined ? [] : [library])], {
    env,
    encoding: "utf8",
  });
  return Number(/^peak bytes (\d+)$/m.exec(output)?.[1]);
}
