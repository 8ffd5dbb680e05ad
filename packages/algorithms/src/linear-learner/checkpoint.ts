import { CheckpointFile, restoreInto } from "../job/checkpoint-file.ts";
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

type Progress = Pick<Checkpoint, "epoch" | "stopping">;

/** Writes the checkpoint of the configuration that `print` identifies. */
export async function saveCheckpoint(directory: string, print: string, checkpoint: Checkpoint): Promise<void> {
  const { epoch, stopping, state, bestWeights } = checkpoint;
  await open(directory, print).save({ epoch, stopping }, arraysOf(state, bestWeights));
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
): Promise<Progress | undefined> {
  const found = await open(directory, print).restore();
  if (found === undefined) return undefined;
  for (const [i, array] of arraysOf(state, bestWeights).entries()) {
    restoreInto(array, found.arrays[i] as Uint8Array);
  }
  return found.state;
}

function open(directory: string, print: string): CheckpointFile<Progress> {
  return new CheckpointFile(directory, "linear-learner", print);
}

function arraysOf(state: LearnerState, bestWeights: Float32Array) {
  const { weights, first, second, columns, betaPowers } = state;
  return [weights, first, second, columns.lr, columns.lrCount, betaPowers, bestWeights];
}
