import { barrier } from "../../../numerics/parts/threads.as";
import { loss } from "./loss.as";
import { tick, updateSpan } from "./optimizers.as";
import {
  P_A,
  P_BATCH,
  P_BATCHES,
  P_C,
  P_CLASS_W,
  P_DP,
  P_GRADS,
  P_INDICES,
  P_KPAD,
  P_LOSS,
  P_LOSSES,
  P_MASK,
  P_MODE,
  P_OFFSETS,
  P_OUT,
  P_POS_W,
  P_ROWS,
  P_STAMPS,
  P_TILES,
  P_TILE_BYTES,
  P_TOUCHED,
  P_USE_BIAS,
  P_VALUES,
  P_W,
  P_Y,
  TILE,
} from "./parameters.as";
import { madd } from "../../../numerics/parts/vectors.as";

/** S (rows, width) = X W + bias for the columns from byte `c0` on; `width` is a multiple of 4. */
export function scoresSparse(p: usize, first: i32, rows: i32, s: usize, c0: usize, width: usize): void {
  const cs = <usize>load<i32>(p + P_C) << 2;
  const w = load<usize>(p + P_W) + c0;
  const biases = w + <usize>load<i32>(p + P_DP) * cs;
  const offsets = load<usize>(p + P_OFFSETS);
  const indices = load<usize>(p + P_INDICES);
  const values = load<usize>(p + P_VALUES);
  for (let i = 0; i < rows; i++) {
    const to = s + <usize>i * width;
    memory.copy(to, biases, width);
    const end = load<u32>(offsets + (<usize>(first + i + 1) << 2));
    for (let e = load<u32>(offsets + (<usize>(first + i) << 2)); e < end; e++) {
      const v = v128.load32_splat(values + (<usize>e << 2));
      const row = w + <usize>load<u32>(indices + (<usize>e << 2)) * cs;
      for (let c: usize = 0; c < width; c += 16) v128.store(to + c, madd(v, v128.load(row + c), v128.load(to + c)));
    }
  }
}

/** Adds the rows' gradients up, of the features that occur only, and lists these. @returns Their number. */
export function gradientSparse(p: usize, first: i32, rows: i32, s: usize, c0: usize, width: usize, stamp: i32, stamps: usize, touched: usize): i32 {
  const cs = <usize>load<i32>(p + P_C) << 2;
  const grad = load<usize>(p + P_GRADS) + c0;
  const bias = grad + <usize>load<i32>(p + P_DP) * cs;
  const offsets = load<usize>(p + P_OFFSETS);
  const indices = load<usize>(p + P_INDICES);
  const values = load<usize>(p + P_VALUES);
  let count = 0;
  memory.fill(bias, 0, width);
  for (let i = 0; i < rows; i++) {
    const g = s + <usize>i * width;
    for (let c: usize = 0; c < width; c += 16) v128.store(bias + c, f32x4.add(v128.load(bias + c), v128.load(g + c)));
    const end = load<u32>(offsets + (<usize>(first + i + 1) << 2));
    for (let e = load<u32>(offsets + (<usize>(first + i) << 2)); e < end; e++) {
      const j = <usize>load<u32>(indices + (<usize>e << 2));
      const row = grad + j * cs;
      if (load<i32>(stamps + (j << 2)) != stamp) {
        store<i32>(stamps + (j << 2), stamp);
        store<u32>(touched + (<usize>count << 2), <u32>j);
        count++;
        memory.fill(row, 0, width);
      }
      const v = v128.load32_splat(values + (<usize>e << 2));
      for (let c: usize = 0; c < width; c += 16) v128.store(row + c, madd(v, v128.load(g + c), v128.load(row + c)));
    }
  }
  return count;
}

/**
 * The loop over sparse rows. Threads take columns, whole models each, and see all rows; only features that occur in a
 * mini-batch are updated. Values are scaled already.
 */
export function runSparse(control: usize, p: usize, thread: i32, threads: i32): void {
  const train = load<i32>(p + P_MODE) == 0;
  const dp = load<i32>(p + P_DP);
  const C = load<i32>(p + P_C);
  const rows = load<i32>(p + P_ROWS);
  const batch = load<i32>(p + P_BATCH);
  const y = load<usize>(p + P_Y);
  const out = load<usize>(p + P_OUT);
  const cs = <usize>C << 2;
  const kpad = load<i32>(p + P_KPAD);
  const unit = max(kpad, 4);
  const groups = C / unit;
  const c0 = <usize>(<i32>((<i64>groups * thread) / threads) * unit) << 2;
  const c1 = <usize>(<i32>((<i64>groups * (thread + 1)) / threads) * unit) << 2;
  const width = c1 - c0;
  const own = <i32>(width >> 2);
  const tile = load<usize>(p + P_TILES) + c0 * (load<usize>(p + P_TILE_BYTES) / cs); // one tile, cut by columns
  const stamps = load<usize>(p + P_STAMPS) + (<usize>thread * dp << 2);
  const touched = load<usize>(p + P_TOUCHED) + (<usize>thread * dp << 2);
  const pos = load<usize>(p + P_POS_W) + c0;
  const losses = load<usize>(p + P_LOSSES) + (c0 << 1);
  const cells = cs;
  let stamp = load<i32>(p + P_BATCHES);
  barrier(control, threads); // everyone has read the count of mini-batches
  for (let start = 0; start < rows; start += batch) {
    const n = min(batch, rows - start);
    stamp++;
    if (train) {
      if (thread == 0) tick(p);
      barrier(control, threads);
    }
    if (width > 0) {
      scoresSparse(p, start, n, tile, c0, width);
      if (out) for (let i = 0; i < n; i++) memory.copy(out + <usize>(start + i) * cells + c0, tile + <usize>i * width, width);
      for (let i = 0; i < n; i += TILE) {
        const at = tile + <usize>i * width;
        loss(
          load<i32>(p + P_LOSS), at, y + (<usize>(start + i) << 2), min(TILE, n - i), own, load<f32>(p + P_A), pos, losses,
          kpad, load<usize>(p + P_MASK), load<usize>(p + P_CLASS_W),
        );
      }
    }
    if (!train) continue;
    if (width > 0) {
      const count = gradientSparse(p, start, n, tile, c0, width, stamp, stamps, touched);
      const inverse: f32 = <f32>(1.0 / <f64>n);
      for (let k = 0; k < count; k++) {
        const j = <usize>load<u32>(touched + (<usize>k << 2));
        updateSpan(p, j * cs + c0, own, C, inverse, false, c0);
      }
      if (load<i32>(p + P_USE_BIAS) != 0) updateSpan(p, <usize>dp * cs + c0, own, C, inverse, true, c0);
    }
    barrier(control, threads);
  }
  barrier(control, threads);
  if (thread == 0) store<i32>(p + P_BATCHES, stamp);
}
