import { parseCommandLine, readConfiguration } from "../configuration.ts";
import { bootId, startOf } from "../process-identity.ts";
import { CommandError } from "./command-error.ts";
import { announce, withdraw } from "./running-server.ts";

/** `sagebrush up`: starts the platform in the foreground until a signal ends it. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommandLine(args);
  if (positionals.length > 0) throw new CommandError(`unexpected "${positionals.join(" ")}".`);
  const configuration = readConfiguration(values);
  const { startServer } = await import("../main.ts");
  const server = await startServer(configuration);
  announce(configuration.dataDirectory, {
    process: { pid: process.pid, start: startOf(process.pid) ?? "", boot: bootId() },
    url: server.url,
    startedAt: new Date().toISOString(),
    account: configuration.account,
    region: configuration.region,
    engine: server.engine,
    token: server.token,
  });
  process.stdout.write(banner(server.url, configuration.auth, server.notices));
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
  process.stdout.write("Stopping. Jobs and endpoints go on; `sagebrush up` finds them again.\n");
  withdraw(configuration.dataDirectory);
  await server.close();
  return 0;
}

function banner(url: string, auth: string, notices: readonly string[]): string {
  const lines = [
    `Sagebrush listens on ${url}`,
    `  console     ${url}/_sagebrush/console`,
    '  point here  eval "$(sagebrush env)"      or: sagebrush configure',
    '  SageMaker Python SDK  eval "$(sagebrush env --intercept)"',
    ...(auth === "open" ? ["  credentials are not checked (--auth open)"] : []),
    ...notices.map((notice) => `  note: ${notice}`),
  ];
  return `${lines.join("\n")}\n`;
}
