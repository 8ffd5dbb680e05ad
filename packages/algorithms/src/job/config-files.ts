import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ResourceConfig } from "./algorithm.ts";
import { CustomerError } from "./errors.ts";
import type { MlDirectory } from "./ml-directory.ts";

/** One channel as `inputdataconfig.json` has it. */
export interface ChannelConfig {
  readonly TrainingInputMode?: string;
  readonly S3DistributionType?: string;
  readonly RecordWrapperType?: string;
  readonly ContentType?: string;
}

/** `hyperparameters.json`: a flat object of strings. */
export function readHyperparameterFile(ml: MlDirectory): Record<string, string> {
  const given = readJson(join(ml.config, "hyperparameters.json")) ?? {};
  // The platform writes strings only; a file written by hand may hold numbers and booleans.
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

/** `inputdataconfig.json`: channels by name. */
export function readInputDataConfig(ml: MlDirectory): Record<string, ChannelConfig> {
  return (readJson(join(ml.config, "inputdataconfig.json")) ?? {}) as Record<string, ChannelConfig>;
}

/** `resourceconfig.json`; a single host where there is none. */
export function readResourceConfig(ml: MlDirectory): ResourceConfig {
  const config = readJson(join(ml.config, "resourceconfig.json")) ?? {};
  const currentHost = typeof config.current_host === "string" ? config.current_host : "algo-1";
  const { current_instance_type: type } = config;
  return {
    currentHost,
    hosts: Array.isArray(config.hosts) ? config.hosts.map(String) : [currentHost],
    instanceType: typeof type === "string" ? type : undefined,
  };
}

/** Where `checkpointconfig.json` puts checkpoints, if the job has one. */
export function readCheckpointsDirectory(ml: MlDirectory): string | undefined {
  const config = readJson(join(ml.config, "checkpointconfig.json"));
  if (config === undefined) return undefined;
  const path = typeof config.LocalPath === "string" ? config.LocalPath : "/opt/ml/checkpoints/";
  // The path is of the container's world; the engine without isolation has another one.
  return ml.root !== "/opt/ml" && path.startsWith("/opt/ml/") ? join(ml.root, path.slice("/opt/ml/".length)) : path;
}

/** @returns undefined when there is no such file. */
function readJson(path: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw new CustomerError(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  throw new CustomerError(`${path} must hold a JSON object.`);
}
