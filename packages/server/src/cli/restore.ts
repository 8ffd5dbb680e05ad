import { ConfigurationError, parseCommandLine, readConfiguration } from "../configuration.ts";
import { restore } from "../data-directory/restore.ts";
import { dataDirectoryOption } from "./data-directory-option.ts";

/** `sagebrush restore DIR`: makes the data directory from a backup. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommandLine(args);
  const [source] = positionals;
  if (source === undefined || positionals.length > 1) throw new ConfigurationError("name the directory of one backup.");
  const { dataDirectory } = readConfiguration(values);
  await restore({ backup: source, root: dataDirectory });
  const start = `sagebrush up${dataDirectoryOption({ dataDirectory })}`;
  process.stdout.write(`Restored ${source} to ${dataDirectory}. Start it with \`${start}\`.\n`);
  return 0;
}
