import { barrier } from "../../../numerics/parts/threads.as";
import { gradient } from "./gradient.as";
import { loss } from "./loss.as";
import { tick, updateSlice } from "./optimizers.as";
import {
  P_A,
  P_BATCH,
  P_C,
  P_CHUNKS,
  P_CLASS_W,
  P_DP,
  P_GRADS,
  P_GRAD_BYTES,
  P_KPAD,
  P_LOSS,
  P_LOSSES,
  P_MASK,
  P_MODE,
  P_OUT,
  P_POS_W,
  P_ROWS,
  P_TILES,
  P_TILE_BYTES,
  P_W,
  P_X,
  P_Y,
  TILE,
} from "./parameters.as";
import { scores } from "./scores.as";

/**
 * Passes over the rows in mini-batches. Mode 0 trains; mode 1 only adds losses and, where P_OUT is set, writes scores.
 * Every thread calls this with the same block.
 */
export function runDense(control: usize, p: usize, thread: i32, threads: i32): void {
  const train = load<i32>(p + P_MODE) == 0;
  const dp = load<i32>(p + P_DP);
  const C = load<i32>(p + P_C);
  const rows = load<i32>(p + P_ROWS);
  const batch = train ? load<i32>(p + P_BATCH) : rows;
  const x = load<usize>(p + P_X);
  const y = load<usize>(p + P_Y);
  const w = load<usize>(p + P_W);
  const chunks = load<i32>(p + P_CHUNKS);
  const gradBytes = load<usize>(p + P_GRAD_BYTES);
  const grads = load<usize>(p + P_GRADS);
  const tile = load<usize>(p + P_TILES) + <usize>thread * load<usize>(p + P_TILE_BYTES);
  const out = load<usize>(p + P_OUT);
  const kind = load<i32>(p + P_LOSS);
  const a = load<f32>(p + P_A);
  const pos = load<usize>(p + P_POS_W);
  const kpad = load<i32>(p + P_KPAD);
  const mask = load<usize>(p + P_MASK);
  const classWeights = load<usize>(p + P_CLASS_W);
  const xs = <usize>dp << 2;
  const cs = <usize>C << 2;
  const lossBytes = max<usize>(cs, 16) << 1;
  const firstChunk = <i32>((<i64>chunks * thread) / threads);
  const lastChunk = <i32>((<i64>chunks * (thread + 1)) / threads);
  for (let start = 0; start < rows; start += batch) {
    const n = min(batch, rows - start);
    if (train && thread == 0) tick(p);
    const chunkRows = (((n + chunks - 1) / chunks) + 3) & ~3;
    for (let chunk = firstChunk; chunk < lastChunk; chunk++) {
      const grad = grads + <usize>chunk * gradBytes;
      const losses = load<usize>(p + P_LOSSES) + <usize>chunk * lossBytes;
      if (train) memory.fill(grad, 0, gradBytes);
      const end = min((chunk + 1) * chunkRows, n);
      for (let i = chunk * chunkRows; i < end; i += TILE) {
        const count = min(TILE, end - i);
        const at = <usize>(start + i);
        scores(x + at * xs, w, tile, count, dp, C);
        if (out) memory.copy(out + at * cs, tile, <usize>count * cs);
        loss(kind, tile, y + (at << 2), count, C, a, pos, losses, kpad, mask, classWeights);
        if (train) gradient(x + at * xs, tile, grad, count, dp, C);
      }
    }
    if (!train) continue;
    barrier(control, threads);
    updateSlice(p, n, thread, threads);
    barrier(control, threads);
  }
}
