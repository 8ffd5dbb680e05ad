import { ConfigurationError, parseCommandLine, readConfiguration } from "../configuration.ts";
import { backup } from "../data-directory/backup.ts";

/** `sagebrush backup DIR`: a copy of records and objects as of one moment; the server may be running. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommandLine(args);
  const [target] = positionals;
  if (target === undefined || positionals.length > 1)
    throw new ConfigurationError("name one directory for the backup.");
  const { dataDirectory } = readConfiguration(values);
  const summary = await backup({ root: dataDirectory, target, onProgress: showProgress });
  process.stdout.write(
    `Backed up ${dataDirectory} to ${summary.path}: ${summary.files} files, ${summary.sizeBytes} bytes.\n`,
  );
  return 0;
}

/** A line that counts up, for people who watch; nothing where output goes to a file. */
function showProgress({ files, sizeBytes }: { files: number; sizeBytes: number }): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${files} files, ${(sizeBytes / 1e6).toFixed(1)} MB\x1b[K\r`);
}
