import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DataDirectory } from "../../../data-directory.ts";
import { makeMemoryFolder } from "../../../memory-folder.ts";
import type { TransformJob } from "./transform-job.ts";

/** Where a job has its files on this machine. */
export interface JobPlaces {
  readonly folder: string;
  readonly inputList: string;
  readonly journal: string;
  /** For answers that are too large for memory. */
  readonly scratch: string;
}

/** Names of the files. Records with keys were refused where there is no place in memory. */
export function jobPlaces({ runPrefix, spec }: TransformJob, directory: DataDirectory): JobPlaces {
  const folder = join(directory.runs, runPrefix);
  return {
    folder,
    inputList: join(folder, "objects"),
    journal: join(folder, "journal"),
    scratch: join(
      hasKey(spec) && directory.memory !== undefined ? privateFolder(directory.memory, runPrefix) : folder,
      "answers",
    ),
  };
}

/** Makes the folders. */
export async function makePlaces(job: TransformJob, directory: DataDirectory): Promise<void> {
  const { folder } = jobPlaces(job, directory);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (hasKey(job.spec) && directory.memory !== undefined) {
    await makeMemoryFolder(privateFolder(directory.memory, job.runPrefix));
  }
}

/** Removes everything in them. */
export async function removePlaces(runPrefix: string, directory: DataDirectory): Promise<void> {
  await rm(join(directory.runs, runPrefix), { recursive: true, force: true });
  if (directory.memory === undefined) return;
  await rm(privateFolder(directory.memory, runPrefix), { recursive: true, force: true });
}

/** What is stored under a key must not touch a disk in clear (docs/decisions/0172). */
export function hasKey({ TransformOutput: output, TransformResources: resources }: TransformJob["spec"]): boolean {
  return Boolean(output?.KmsKeyId) || Boolean(resources?.VolumeKmsKeyId);
}

function privateFolder(memory: string, runPrefix: string): string {
  return join(memory, "runs", runPrefix);
}
