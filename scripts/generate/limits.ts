import { limits } from "../../packages/server/src/gateway/limits.ts";

/** The page of what the gateway bounds, from the table that the gateway itself uses. */
export function limitsReference(): string {
  const rows: readonly (readonly [string, string])[] = [
    ["Request line and headers", bytes(limits.headerBytes)],
    ...Object.entries(limits.bodyBytes).map(([service, size]): [string, string] => [
      service === "default" ? "Body of any other service" : `Body read whole, ${service}`,
      bytes(size),
    ]),
    ["Structures and lists in one JSON body", String(limits.jsonContainers)],
    ["Members of one structure or map of JSON", String(limits.jsonMembers)],
    ["One S3 object in one request, or one part", bytes(limits.streamedBodyBytes)],
    ["One chunk header of `aws-chunked`", bytes(limits.chunkLineBytes)],
    ["Trailers of one body", bytes(limits.trailerBytes)],
    ["Distance of a signature's time from the server's", `${limits.clockSkewMs / 60_000} minutes`],
    ["Life of a presigned address", `${limits.presignedSeconds / 86_400} days`],
    ["Open connections", String(limits.connections)],
    ["Time for the headers to arrive", `${limits.headersTimeoutMs / 1000} s`],
    ["Idle connection kept open", `${limits.keepAliveTimeoutMs / 1000} s`],
    ["Silence in the middle of a body", `${limits.bodyIdleMs / 1000} s`],
    ["Signing keys and sessions kept in memory", `${limits.signingKeys} and ${limits.sessions}`],
  ];
  return [
    "# Limits of the gateway",
    "",
    "Generated from `packages/server/src/gateway/limits.ts`; `npm run generate` writes it.",
    "",
    "| what | limit |",
    "|---|---|",
    ...rows.map(([what, limit]) => `| ${what} | ${limit} |`),
    "",
  ].join("\n");
}

function bytes(size: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let unit = 0;
  let left = size;
  while (left >= 1024 && left % 1024 === 0) {
    left /= 1024;
    unit++;
  }
  return `${left} ${units[unit]}`;
}
