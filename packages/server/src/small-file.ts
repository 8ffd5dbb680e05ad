import { existsSync, readFileSync } from "node:fs";

/**
 * The text of a small file of ours or of the kernel's, or `undefined` where there is none. It is read on the calling
 * thread: such a file is a page that is in memory anyway, which takes 10 microseconds, and four trips to a thread pool
 * take twenty times as long. Not for what users or jobs wrote.
 * @throws What the system says besides that nothing is there.
 */
export function readSmallFile(path: string): string | undefined {
  // Far cheaper than an error, and many such files are not there most of the time.
  if (!existsSync(path)) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
