import { readFileSync } from "node:fs";

/**
 * Bytes of a log file that were given back because the log reached its limit. No line lies in them, lines begin and end at
 * their ends, and what lies elsewhere stayed where it was. `native/log-gap.c` and `engines/log-space.ts` make them.
 */
export interface LogGap {
  readonly start: number;
  readonly end: number;
}

/** What the log says where lines are missing; its last words where none can be dropped. */
export const droppedNotice = "sagebrush: the log has reached its limit; lines were dropped here";
export const fullNotice = "sagebrush: the log has reached its limit; what follows is dropped";

/** Ends the name of the file that tells of the gap of a log. */
const extension = ".gap";

export function gapFile(logFile: string): string {
  return logFile + extension;
}

/** Whether a file tells of a gap, and is no log itself. */
export function isGapFile(path: string): boolean {
  return path.endsWith(extension);
}

/** The gap of a log, if it has one. A few bytes, always in memory: hence synchronous. */
export function readGap(logFile: string): LogGap | undefined {
  let text: string;
  try {
    text = readFileSync(gapFile(logFile), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const [start = Number.NaN, end = Number.NaN] = text.trim().split(" ").map(Number);
  return end > start ? { start, end } : undefined;
}
