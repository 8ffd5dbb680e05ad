import { join } from "node:path";
import type { DataDirectory } from "../../../data-directory.ts";
import { memoryRuns } from "../run-folders.ts";
import { isPrivate } from "./encryption.ts";
import { type Host, hostsOf } from "./hosts.ts";
import { logFileOf, runId, type TrainingJobRecord } from "./training-job.ts";

/** Where one host's run has its things on this machine. */
export interface RunPlaces {
  readonly host: Host;
  readonly runId: string;
  /** The run's own folder, beside those of other runs. */
  readonly root: string;
  /** Whether that is in memory, since nothing of it may touch a disk. */
  readonly isPrivate: boolean;
  /** Becomes /opt/ml. */
  readonly mlDirectory: string;
  /** Folder of what feeds its Pipe channels. */
  readonly feeder: string;
  readonly logFile: string;
}

/** The places of all runs of a job's current attempt, in order of their hosts. */
export function runPlaces(record: TrainingJobRecord, dataDirectory: DataDirectory): readonly RunPlaces[] {
  const { spec } = record.value;
  // A job with keys was refused where there is no such place.
  const memory = isPrivate(spec) ? memoryRuns(dataDirectory) : undefined;
  return hostsOf(record.value).map((host) => {
    const id = runId(record, host.index);
    const root = join(memory ?? dataDirectory.runs, id);
    return {
      host,
      runId: id,
      root,
      isPrivate: memory !== undefined,
      mlDirectory: join(root, "ml"),
      feeder: feederFolder(dataDirectory, id),
      logFile: join(dataDirectory.logs, logFileOf(id)),
    };
  });
}

/** Where the run cannot reach. What it feeds is never there, only where to find it. */
export function feederFolder(dataDirectory: DataDirectory, runId: string): string {
  return join(dataDirectory.runs, runId, "feeder");
}
