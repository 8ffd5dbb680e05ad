import { createHash } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { StoppingState } from "./early-stopping.ts";
import type { LearnerState } from "./learner.ts";

/** All that training needs to go on after `epoch` epochs. */
export interface Checkpoint {
  readonly epoch: number;
  readonly stopping: StoppingState;
  readonly state: LearnerState;
  /** Weights of the best epoch so far. */
  readonly bestWeights: Float32Array;
}

const FILE = "linear-learner.checkpoint";
const MAGIC = "sagebrush-linear-learner-checkpoint-1";

/** Identifies what a checkpoint belongs to: another configuration or other data must not go on from it. */
export function fingerprint(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** Writes the checkpoint, visible whole or not at all, and durable before it replaces the last one. */
export async function saveCheckpoint(directory: string, print: string, checkpoint: Checkpoint): Promise<void> {
  const arrays = arraysOf(checkpoint.state, checkpoint.bestWeights);
  const { epoch, stopping } = checkpoint;
  const head = JSON.stringify({ magic: MAGIC, print, epoch, stopping, bytes: arrays.map((array) => array.byteLength) });
  const fresh = join(directory, `.${FILE}.new`);
  const file = await open(fresh, "w");
  try {
    await file.writeFile(`${head}\n`);
    for (const array of arrays) await file.writeFile(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, join(directory, FILE));
}

/**
 * Reads the checkpoint of an earlier run into `state` and `bestWeights`.
 * @returns Where to go on, or undefined when there is none for this configuration.
 */
export async function restoreCheckpoint(
  directory: string,
  print: string,
  state: LearnerState,
  bestWeights: Float32Array,
): Promise<{ epoch: number; stopping: StoppingState } | undefined> {
  const bytes = await readFile(join(directory, FILE)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  const line = bytes.indexOf(0x0a);
  const head = readHead(bytes.toString("utf8", 0, Math.max(line, 0)));
  if (head === undefined || head.print !== print) return undefined;
  let at = line + 1;
  for (const array of arraysOf(state, bestWeights)) {
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(bytes.subarray(at, at + array.byteLength));
    at += array.byteLength;
  }
  return { epoch: head.epoch, stopping: head.stopping };
}

interface Head {
  readonly magic: string;
  readonly print: string;
  readonly epoch: number;
  readonly stopping: StoppingState;
}

function readHead(text: string): Head | undefined {
  try {
    const head = JSON.parse(text) as Partial<Head>;
    return head.magic === MAGIC ? (head as Head) : undefined;
  } catch {
    return undefined; // not a checkpoint of ours: training starts from the beginning
  }
}

function arraysOf(state: LearnerState, bestWeights: Float32Array) {
  const { weights, first, second, columns, betaPowers } = state;
  return [weights, first, second, columns.lr, columns.lrCount, betaPowers, bestWeights];
}
