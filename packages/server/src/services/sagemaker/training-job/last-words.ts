import { open } from "node:fs/promises";

/** Bytes at the end of a log that are looked at. */
const tailBytes = 4096;
/** Lines that a failure without words of its own quotes. */
const quotedLines = 5;

/** The last lines of a log file, without their times; empty when there is none. */
export async function lastLogLines(file: string): Promise<string> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - tailBytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    const lines = buffer.toString("utf8", 0, bytesRead).split("\n");
    // A tail that starts inside a line starts with half of one.
    if (start > 0) lines.shift();
    return lines
      .map((line) => line.slice(line.indexOf(" ") + 1).trim())
      .filter((line) => line !== "")
      .slice(-quotedLines)
      .join("\n");
  } finally {
    await handle.close();
  }
}
