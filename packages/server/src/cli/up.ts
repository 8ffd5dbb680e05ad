import { type Configuration, ConfigurationError, parseCommandLine, readConfiguration } from "../configuration.ts";
import { bootId, startOf } from "../process-identity.ts";
import { dataDirectoryOption } from "./data-directory-option.ts";
import { localAddress } from "./local-address.ts";
import { announce, withdraw } from "./running-server.ts";

/** `sagebrush up`: starts the platform in the foreground until a signal ends it. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommandLine(args);
  if (positionals.length > 0) throw new ConfigurationError(`unexpected "${positionals.join(" ")}".`);
  const configuration = readConfiguration(values);
  const { startServer } = await import("../main.ts");
  const server = await startServer(configuration);
  const url = localAddress(server.url);
  announce(configuration.dataDirectory, {
    process: { pid: process.pid, start: startOf(process.pid) ?? "", boot: bootId() },
    url,
    publicUrl: configuration.publicUrls[0] ?? url,
    startedAt: new Date().toISOString(),
    account: configuration.account,
    region: configuration.region,
    engine: server.engine,
    token: server.token,
  });
  process.stdout.write(banner(server.url, configuration, server.notices));
  await new Promise<void>((resolve) => {
    // The listeners stay: a second signal, as a launcher passes one on that we have too, must not cut the end short.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
  process.stdout.write("Stopping. Jobs and endpoints go on; `sagebrush up` finds them again.\n");
  withdraw(configuration.dataDirectory);
  await server.close();
  return 0;
}

function banner(listening: string, configuration: Configuration, notices: readonly string[]): string {
  const isWildcard = localAddress(listening) !== listening;
  const url = configuration.publicUrls[0] ?? localAddress(listening);
  const notes = [
    ...(configuration.auth === "open" ? ["credentials are not checked (--auth open)"] : []),
    ...(configuration.insecure ? ["nothing is encrypted (--insecure)"] : []),
    ...(isWildcard && configuration.publicUrls.length === 0
      ? ["clients on other machines are refused until --public-url says by which address they come"]
      : []),
    ...notices,
  ];
  const lines = [
    `Sagebrush listens on ${listening}`,
    `  console     ${url}/_sagebrush/console`,
    `  point here  eval "$(sagebrush env${dataDirectoryOption(configuration)})"      or: sagebrush configure${dataDirectoryOption(configuration)}`,
    `  SageMaker Python SDK  eval "$(sagebrush env --intercept${dataDirectoryOption(configuration)})"`,
    ...notes.map((note) => `  note: ${note}`),
  ];
  return `${lines.join("\n")}\n`;
}
