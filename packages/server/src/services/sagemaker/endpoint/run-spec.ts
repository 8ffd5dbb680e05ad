import { createHash } from "node:crypto";
import { join } from "node:path";
import type { DataDirectory } from "../../../data-directory.ts";
import type { ChannelFile, RunSpec } from "../../../engines/engine.ts";
import { algorithmImage } from "../../../images/algorithm-image.ts";
import { builtInEnvironment } from "../../../images/built-in-environment.ts";
import { resolveImage } from "../../../images/resolve-image.ts";
import { fitToHost, thisHost } from "../../../instance-types/fit-to-host.ts";
import type { Variant } from "../../../serving/fleet.ts";

/** Most that one instance may write to its log. */
const maxLogBytes = 256 * 1024 * 1024;

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

/** What one instance of a variant runs. @throws UnknownImage when the image is no longer known to this version. */
export function runSpec(
  directory: DataDirectory,
  variant: Variant,
  runId: string,
  region: string,
  model: readonly ChannelFile[],
): RunSpec {
  const { definition } = resolveImage(variant.container.image);
  const { root, command } = algorithmImage(definition, "serve");
  const { cpus, cpuWeight, memoryBytes } = fitToHost(variant.instanceType, 1, thisHost());
  const { ml, log } = instancePaths(directory, runId);
  return {
    root,
    command,
    environment: { AWS_REGION: region, SAGEMAKER_REGION: region, ...builtInEnvironment(variant.container.environment) },
    hostname: "model",
    mlDirectory: ml,
    channels: model.length === 0 ? [] : [{ target: "/opt/ml/model", files: model, readOnly: true }],
    network: { kind: "none" },
    resources: { cpus, cpuWeight, memoryBytes },
    serves: true,
    logFile: log,
    maxLogBytes,
  };
}
