import { open } from "node:fs/promises";

const tailBytes = 4 * 1024;
const tailLines = 5;

/** The last lines of a run's log without their times, in one line for a FailureReason; empty when there is none. */
export async function tailOfLog(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return "";
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(tailBytes), 0, tailBytes, Math.max(0, size - tailBytes));
    const lines = buffer.toString("utf8", 0, bytesRead).trimEnd().split("\n");
    const texts = lines.slice(-tailLines).map((line) => line.replace(/^\d+ /u, "").trim());
    return texts.filter((text) => text !== "").join(" | ");
  } finally {
    await file.close();
  }
}
