import { parseCommandLine, readConfiguration } from "../configuration.ts";
import { findServer, readCredentials } from "./running-server.ts";

/** `sagebrush env`: shell exports that point SDKs, the AWS CLI and notebooks at this installation. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseCommandLine(args, { intercept: { type: "boolean" } });
  const configuration = readConfiguration(values);
  const server = findServer(configuration.dataDirectory);
  const credentials = readCredentials(configuration.dataDirectory);
  // 127.0.0.1 and not localhost: Debian resolves no BUCKET.localhost, and SDKs fall back to path style for an address.
  const url = server?.publicUrl ?? `http://${configuration.host}:${configuration.port}`;
  const exports: Record<string, string> = {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: configuration.region,
    AWS_DEFAULT_REGION: configuration.region,
  };
  if (values["intercept"] === "true") {
    const { interceptEnvironment } = await import("../gateway/intercept.ts");
    Object.assign(exports, interceptEnvironment(process.env));
  }
  for (const [name, value] of Object.entries(exports)) process.stdout.write(`export ${name}=${quoted(value)}\n`);
  // A token left over from another account would be sent along and refused.
  process.stdout.write("unset AWS_SESSION_TOKEN AWS_PROFILE\n");
  if (!server) process.stderr.write("sagebrush env: no server is running yet; start it with `sagebrush up`.\n");
  return 0;
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
