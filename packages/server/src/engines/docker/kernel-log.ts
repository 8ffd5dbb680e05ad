import { closeSync, constants, openSync, readSync } from "node:fs";

/** A record never has more bytes. */
const recordBytes = 8192;
/** The kernel's buffer has room for far fewer. */
const maxRecords = 100_000;

/**
 * Whether the kernel's log tells that a process of a container was killed because its memory was full. Podman 4 does
 * not say so: its monitor notes it in the folder where the service happened to be started.
 * @returns false also where the log is not for us to read.
 */
export function wasKilledForMemory(containerId: string): boolean {
  let log: number;
  try {
    log = openSync("/dev/kmsg", constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return false; // not Linux, or not for us
  }
  try {
    const record = Buffer.alloc(recordBytes);
    for (let count = 0; count < maxRecords; count++) {
      const text = next(log, record);
      if (text === undefined) return false;
      if (text.includes("oom-kill:") && text.includes(containerId)) return true;
    }
    return false;
  } finally {
    closeSync(log);
  }
}

/** @returns The next record; undefined when there is none yet. */
function next(log: number, record: Buffer): string | undefined {
  try {
    return record.toString("latin1", 0, readSync(log, record));
  } catch (error) {
    // Records that were overwritten while we read.
    return (error as NodeJS.ErrnoException).code === "EPIPE" ? "" : undefined;
  }
}
