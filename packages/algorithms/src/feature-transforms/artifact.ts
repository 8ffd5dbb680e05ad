import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CustomerError } from "../job/errors.ts";
import { writeWhole } from "../job/write-whole.ts";
import type { FittedTransform } from "../transforms/transform.ts";
import type { Input } from "./column-types.ts";

/** What a model holds. */
export interface Artifact {
  /** Columns of requests, in their order. */
  readonly inputs: readonly Input[];
  readonly fitted: FittedTransform;
  /** Names of the columns of answers. */
  readonly outputs: readonly string[];
  /** Where the job had a target: its name, and what the numbers of its classes stand for, unless it is a number itself. */
  readonly target?: { readonly name: string; readonly classes?: readonly string[] };
}

const file = "transform.json";
const format = "sagebrush-transform";
const version = 1;

/**
 * Writes the one file of a model.
 * @throws CustomerError when numbers in it went beyond double precision, which JSON would turn into null.
 */
export async function writeArtifact(directory: string, artifact: Artifact): Promise<void> {
  await writeWhole(directory, file, [JSON.stringify({ format, version, ...artifact }, finite)]);
}

function finite(key: string, value: unknown): unknown {
  if (typeof value !== "number" || Number.isFinite(value)) return value;
  throw new CustomerError(
    `The transform cannot be kept: '${key}' is ${value}. The train channel has values whose sums are beyond double precision (1e308).`,
  );
}

/** Reads it. @throws Error saying why it is none. */
export function readArtifact(directory: string): Artifact {
  const read = JSON.parse(readFileSync(join(directory, file), "utf8")) as Artifact & {
    readonly format?: string;
    readonly version?: number;
  };
  if (read.format !== format) throw new Error(`${file} holds no feature transforms`);
  if (read.version !== version) {
    throw new Error(`the transforms have format ${read.version}, and format ${version} is read here`);
  }
  return read;
}
