/**
 * One mini-batch of a factorization machine: scores, gradients and a step of Adam, on all threads.
 *
 * A feature is a row of `stride` floats: its linear weight in lane 0, its factors, zeros up to a multiple of four. Its
 * moments are two such rows, one after the other. Rows of the mini-batch are sparse; no work is done for features that
 * do not occur in it, and no memory is cleared for them: a stamp tells whose gradient is of this mini-batch.
 *
 * Threads first take rows, and sort their entries by the thread that each feature belongs to; then they take features,
 * and add up each one's gradient in the order of rows: any number of threads gives the same bits.
 * plain-learner.ts is the twin; layout.ts has the offsets of the parameter block.
 */
import { barrier, giveCommand, serveCommands } from "../../numerics/parts/threads.as";
import { fillBuckets } from "./parts/buckets.as";
import { firstRow, integer, P_ROWS } from "./parts/parameters.as";
import { scoreRows } from "./parts/scores.as";
import { updateBias, updateFeatures } from "./parts/updates.as";

function dispatch(control: usize, kind: i32, argument: usize, thread: i32, threads: i32): void {
  const rows = integer(argument, P_ROWS);
  const first = firstRow(rows, thread, threads);
  const end = firstRow(rows, thread + 1, threads);
  scoreRows(argument, first, end);
  if (kind != 1) return;
  fillBuckets(argument, first, end, thread, threads);
  barrier(control, threads);
  updateFeatures(argument, thread, threads);
  if (thread == 0) updateBias(argument);
}

/** A worker's whole life. */
export function serve(control: usize, thread: i32, threads: i32, seen: i32): void {
  serveCommands(control, thread, threads, seen, dispatch);
}

/** Runs a command on all threads: 1 trains on a mini-batch, 2 scores it. */
export function command(control: usize, kind: i32, argument: usize, threads: i32): void {
  giveCommand(control, kind, argument, threads, dispatch);
}
