import { join } from "node:path";
import type { DataDirectory } from "../../data-directory.ts";

/** Every place where runs have folders, and warm pools their caches. */
export function runFolders(dataDirectory: DataDirectory): readonly string[] {
  const memory = memoryRuns(dataDirectory);
  return memory === undefined ? [dataDirectory.runs] : [dataDirectory.runs, memory];
}

/** Where runs have their folders that may not touch a disk (docs/decisions/0172); `undefined` where the system has no such place. */
export function memoryRuns({ memory }: DataDirectory): string | undefined {
  return memory === undefined ? undefined : join(memory, "runs");
}
