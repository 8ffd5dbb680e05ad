import { readFile, rename, writeFile } from "node:fs/promises";
import type { LogFrame } from "./log-frames.ts";

/** How far a container's log has been copied. */
export interface LogPosition {
  /** Size of the log file with everything up to here. What lies behind it is written again. */
  readonly fileBytes: number;
  /** Size of the log file before the container's first line. */
  readonly base: number;
  /** What the log may take on disk. */
  readonly maxBytes: number;
  readonly cursor: LogCursor;
  /** Nothing more is to come: the container has ended and its log is whole, or the limit was reached. */
  readonly isDone: boolean;
}

/** A place between two frames of a log: the second of the last frame and how many frames of that second were seen. */
export interface LogCursor {
  readonly second: number;
  readonly frames: number;
}

/** Before the first frame. */
export const logStart: LogCursor = { second: 0, frames: 0 };

/** The cursor behind a frame. */
export function after(cursor: LogCursor, { second }: LogFrame): LogCursor {
  return second === cursor.second ? { second, frames: cursor.frames + 1 } : { second, frames: 1 };
}

/**
 * Tells for each frame of a log, read again from the cursor's second on, whether it is new. Engines know seconds at
 * least and keep the order, so counting those of one second finds the place exactly.
 */
export function newSince(cursor: LogCursor): (frame: LogFrame) => boolean {
  let toSkip = cursor.frames;
  let skipping = cursor.frames > 0;
  return ({ second }) => {
    if (!skipping) return true;
    if (second < cursor.second) return false;
    if (second === cursor.second && toSkip > 0) {
      toSkip -= 1;
      return false;
    }
    skipping = false;
    return true;
  };
}

/** Reads a position that {@link writePosition} wrote; undefined when there is none. */
export async function readPosition(path: string): Promise<LogPosition | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as LogPosition;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Readers see the old position or the new one. */
export async function writePosition(path: string, position: LogPosition): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(position), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Says that no more is to come. */
export async function giveUp(path: string): Promise<void> {
  const position = await readPosition(path);
  if (position) await writePosition(path, { ...position, isDone: true });
}
