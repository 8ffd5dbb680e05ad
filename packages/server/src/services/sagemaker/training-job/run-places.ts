import { join } from "node:path";
import type { DataDirectory } from "../../../data-directory.ts";
import { type Host, hostsOf } from "./hosts.ts";
import { logFileOf, runId, type TrainingJobRecord } from "./training-job.ts";

/** Where one host's run has its things on this machine. */
export interface RunPlaces {
  readonly host: Host;
  readonly runId: string;
  /** Becomes /opt/ml. */
  readonly mlDirectory: string;
  /** Folder of what feeds its Pipe channels. */
  readonly feeder: string;
  readonly logFile: string;
}

/** The places of all runs of a job's current attempt, in order of their hosts. */
export function runPlaces(record: TrainingJobRecord, dataDirectory: DataDirectory): readonly RunPlaces[] {
  return hostsOf(record.value).map((host) => {
    const id = runId(record, host.index);
    return {
      host,
      runId: id,
      mlDirectory: join(dataDirectory.runs, id, "ml"),
      feeder: feederFolder(dataDirectory, id),
      logFile: join(dataDirectory.logs, logFileOf(id)),
    };
  });
}

/** Beside the run's /opt/ml, where the run cannot reach. */
export function feederFolder(dataDirectory: DataDirectory, runId: string): string {
  return join(dataDirectory.runs, runId, "feeder");
}
