import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseCommandLine, readConfiguration } from "../configuration.ts";
import { formatFile } from "../data-directory/open.ts";
import { CommandError } from "./command-error.ts";
import { findServer } from "./running-server.ts";

/** `sagebrush gc`: removes what has outlived its retention, through the server when one runs. */
export async function run(args: readonly string[]): Promise<number> {
  const configuration = readConfiguration(parseCommandLine(args).values);
  if (!existsSync(join(configuration.dataDirectory, formatFile))) {
    throw new CommandError(`${configuration.dataDirectory} is no data directory.`);
  }
  const server = findServer(configuration.dataDirectory);
  const garbage = server
    ? await ask(server.url, server.token)
    : await (await import("../main.ts")).collectOnce(configuration);
  const removed = Object.entries(garbage).filter(([, count]) => count > 0);
  if (removed.length === 0) process.stdout.write("There was nothing to collect.\n");
  for (const [what, count] of removed) process.stdout.write(`${String(count).padStart(8)}  ${what}\n`);
  return 0;
}

async function ask(url: string, token: string): Promise<Record<string, number>> {
  const answer = await fetch(`${url}/_sagebrush/gc`, { method: "POST", headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new CommandError(`the server answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Record<string, number>;
}
