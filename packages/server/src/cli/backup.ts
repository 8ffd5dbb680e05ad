import { parseCommandLine, readConfiguration } from "../configuration.ts";
import { backup } from "../data-directory/backup.ts";
import { CommandError } from "./command-error.ts";

/** `sagebrush backup DIR`: a copy of records and objects as of one moment; the server may be running. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommandLine(args);
  const [target] = positionals;
  if (target === undefined || positionals.length > 1) throw new CommandError("name one directory for the backup.");
  const { dataDirectory } = readConfiguration(values);
  const summary = await backup({ root: dataDirectory, target });
  process.stdout.write(
    `Backed up ${dataDirectory} to ${summary.path}: ${summary.files} files, ${summary.sizeBytes} bytes.\n`,
  );
  return 0;
}
