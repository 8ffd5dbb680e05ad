import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { DataDirectory } from "../../../data-directory.ts";

/** Removes what a run left on the host: its /opt/ml. The log stays. */
export async function removeRunFolder(dataDirectory: DataDirectory, runId: string): Promise<void> {
  await rm(join(dataDirectory.runs, runId), { recursive: true, force: true });
}
