/**
 * Dense kernels of the linear learner: many linear models trained side by side on one mini-batch.
 *
 * Memory is one shared block. Rows of X have a stride of `dp` floats (a multiple of 4, padding is zero); W is
 * (dp + 1, C) row-major, its last row the biases; C is 1 or a multiple of 4. With C = 1 vector lanes run over rows or
 * features, otherwise over columns. A mini-batch is cut into chunks whose number does not depend on the thread count,
 * and partial sums are added in chunk order, so any number of threads gives the same bits.
 *
 * plain-kernels.ts holds the twin of every part; layout.ts the offsets of the parameter block.
 */
import { giveCommand, serveCommands } from "../../numerics/parts/threads.as";
import { runDense } from "./parts/dense-loop.as";
import { gradient } from "./parts/gradient.as";
import { loss } from "./parts/loss.as";
import { tick, updateSlice } from "./parts/optimizers.as";
import { scores } from "./parts/scores.as";
import { runSparse } from "./parts/sparse-loop.as";
import { stage, stageSlice } from "./parts/stage.as";

export { gradient, loss, scores, stage };

function dispatch(control: usize, kind: i32, argument: usize, thread: i32, threads: i32): void {
  if (kind == 1) runDense(control, argument, thread, threads);
  else if (kind == 2) stageSlice(argument, thread, threads);
  else if (kind == 3) runSparse(control, argument, thread, threads);
}

/** A worker's whole life. */
export function serve(control: usize, thread: i32, threads: i32, seen: i32): void {
  serveCommands(control, thread, threads, seen, dispatch);
}

/** Runs a command on all threads. */
export function command(control: usize, kind: i32, argument: usize, threads: i32): void {
  giveCommand(control, kind, argument, threads, dispatch);
}

/** Applies one update from the gradients in place; for tests against the twin. */
export function update(p: usize, rows: i32): void {
  tick(p);
  updateSlice(p, rows, 0, 1);
}
