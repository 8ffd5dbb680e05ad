import { LogFile } from "../../logs/log-file.ts";

/** Lines that a failure without words of its own quotes. */
const quotedLines = 5;

/** The last lines of a log file that are not blank, without their times; empty when there is none. */
export async function lastLogLines(file: string): Promise<string> {
  const log = await LogFile.open(file);
  try {
    const lines: string[] = [];
    for await (const { text } of log.backward(log.completeBytes)) {
      if (text.trim() !== "") lines.unshift(text);
      if (lines.length === quotedLines) break;
    }
    return lines.join("\n");
  } finally {
    await log.close();
  }
}
