import { readCredentials, requireServer } from "./running-server.ts";

/** Settings that make any AWS SDK client talk to the server that runs on a data directory. */
export function clientConfiguration(dataDirectory: string): {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
} {
  const server = requireServer(dataDirectory);
  return { endpoint: server.url, region: server.region, credentials: readCredentials(dataDirectory) };
}
