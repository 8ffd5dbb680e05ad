import { ConfigurationError, parseCommandLine, readConfiguration } from "../configuration.ts";
import { CommandError } from "./command-error.ts";
import { requireServer } from "./running-server.ts";

/** `sagebrush interrupt JOB`: takes a spot job's capacity away, to see whether it resumes from its checkpoints. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommandLine(args);
  const [name] = positionals;
  if (name === undefined || positionals.length > 1) throw new ConfigurationError("name one training job.");
  const server = requireServer(readConfiguration(values).dataDirectory);
  const answer = await fetch(`${server.url}/_sagebrush/interrupt?job=${encodeURIComponent(name)}`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.token}` },
  });
  if (!answer.ok) throw new CommandError(`${await answer.text()} (HTTP ${answer.status})`);
  process.stdout.write(`${name} has been interrupted: it has two minutes, then it begins again.\n`);
  return 0;
}
