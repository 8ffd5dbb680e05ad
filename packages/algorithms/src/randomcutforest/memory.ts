import { channelBytes } from "../job/channel-bytes.ts";
import type { Channel } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { forestBytes } from "./forest.ts";
import type { ForestHyperparameters } from "./hyperparameters.ts";

/** What a kernel can have, less what rows to score take. */
const mostBytes = 4 * 2 ** 30 - 64 * 2 ** 20;

/** Points that the forest has at most: as many as it is asked to have, or as many rows as the channel can have. */
export function mostPoints(
  { feature_dim: width, num_trees: trees, num_samples_per_tree: samples }: ForestHyperparameters,
  train: Channel,
): number {
  // A number in CSV takes two bytes or more, a record in RecordIO sixteen however sparse it is.
  const leastBytes = train.contentType?.type === "text/csv" ? 2 * width : Math.min(2 * width, 16);
  const mostRows = Math.ceil(channelBytes(train) / leastBytes) + 1;
  return Math.max(1, Math.min(trees * samples, mostRows));
}

/** @throws CustomerError when the forest will not fit: the kernel's way of saying so is to kill the run. */
export function checkMemory(
  { feature_dim, num_trees, num_samples_per_tree }: ForestHyperparameters,
  points: number,
  limitBytes = Number.POSITIVE_INFINITY,
): void {
  const needed = forestBytes(feature_dim, points);
  const limit = Math.min(limitBytes, mostBytes);
  if (needed <= limit) return;
  const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  throw new CustomerError(
    `Out of Memory. A forest of num_trees=${num_trees}, num_samples_per_tree=${num_samples_per_tree} and feature_dim=${feature_dim} takes ${mebibytes(needed)} MiB, and there are ${mebibytes(limit)} MiB. Please use a larger instance type (up to ${mebibytes(mostBytes)} MiB can be used) or smaller values.`,
  );
}
