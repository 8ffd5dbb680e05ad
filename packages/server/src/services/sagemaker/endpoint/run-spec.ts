import { createHash } from "node:crypto";
import { join } from "node:path";
import type { DataDirectory } from "../../../data-directory.ts";
import type { Channel, RunSpec } from "../../../engines/engine.ts";
import type { PreparedImage, WantedImage } from "../../../images/image.ts";
import { fitToHost, thisHost } from "../../../instance-types/fit-to-host.ts";
import type { Variant } from "../../../serving/fleet.ts";

/** Most that one instance may write to its log. */
const maxLogBytes = 256 * 1024 * 1024;

/** What an instance sees as its host name. */
const hostname = "model";

/** Files and folders of one instance on the host. */
export function instancePaths(directory: DataDirectory, runId: string): { folder: string; ml: string; log: string } {
  const folder = join(directory.runs, runId);
  return { folder, ml: join(folder, "ml"), log: join(directory.logs, logName(runId)) };
}

/** The instance's log file, relative to the data directory's `logs`. */
export function logName(runId: string): string {
  return `${runId}.log`;
}

/** `i-` and 17 hexadecimal digits, as instances are called in log streams. */
export function instanceIdOf(runId: string): string {
  return `i-${createHash("sha256").update(runId).digest("hex").slice(0, 17)}`;
}

/** The image that a variant's instances run. */
export function wantedImage({ container }: Variant, account: string, region: string): WantedImage {
  const start = { verb: "serve", environment: container.environment } as const;
  return { uri: container.image, account, region, start };
}

/** Where a container that is not ours must listen, by SageMaker's contract. */
const containerPort = 8080;

/** Model servers of our own listen on a socket, without any network; those of other images on a port of their own network. */
function server({ root }: PreparedImage, { container }: Variant, runId: string): Pick<RunSpec, "network" | "serves"> {
  if (root.kind !== "layers" && root.kind !== "image") return { network: { kind: "none" }, serves: { socket: true } };
  return {
    network: { kind: "bridge", name: runId, hosts: [hostname], internet: !container.needsIsolation },
    serves: { port: containerPort },
  };
}

/** What one instance of a variant runs. */
export function runSpec(
  directory: DataDirectory,
  variant: Variant,
  runId: string,
  region: string,
  { image, channels }: { readonly image: PreparedImage; readonly channels: readonly Channel[] },
): RunSpec {
  const { cpus, cpuWeight, memoryBytes } = fitToHost(variant.instanceType, 1, thisHost());
  const { ml, log } = instancePaths(directory, runId);
  return {
    root: image.root,
    command: image.command,
    workingDirectory: image.workingDirectory,
    environment: { AWS_REGION: region, SAGEMAKER_REGION: region, ...image.environment },
    hostname,
    mlDirectory: ml,
    channels,
    resources: { cpus, cpuWeight, memoryBytes },
    ...server(image, variant, runId),
    logFile: log,
    maxLogBytes,
  };
}
