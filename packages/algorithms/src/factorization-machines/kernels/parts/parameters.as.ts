// Offsets in the parameter block, which layout.ts has too.
export const P_ROWS: usize = 0;
export const P_STRIDE: usize = 4;
export const P_LOSS: usize = 8;
export const P_OFFSETS: usize = 12;
export const P_COLUMNS: usize = 16;
export const P_VALUES: usize = 20;
export const P_LABELS: usize = 24;
export const P_SCORES: usize = 28;
export const P_LOSSES: usize = 32;
export const P_SLOPES: usize = 36;
export const P_SUMS: usize = 40;
export const P_WEIGHTS: usize = 44;
export const P_MOMENTS: usize = 48;
export const P_SLOTS: usize = 52;
export const P_BUCKETS: usize = 56;
export const P_COUNTS: usize = 60;
export const P_GRADIENTS: usize = 64;
export const P_SQUARES: usize = 68;
export const P_TOUCHED: usize = 72;
export const P_RATES: usize = 76;
export const P_DECAYS: usize = 80;
export const P_BIAS: usize = 84;
export const P_STAMP: usize = 88;
export const P_WIDTH: usize = 92;
export const P_SCALE: usize = 96;
export const P_CLIP: usize = 100;
export const P_EPSILON: usize = 104;
export const P_CORRECTION: usize = 108;
export const P_BIAS_RATE: usize = 112;
export const P_BIAS_DECAY: usize = 116;

/** Bytes of an entry in a bucket: column, row, value. */
export const BUCKET: usize = 12;

// @ts-ignore: decorator
@inline
export function integer(p: usize, offset: usize): i32 {
  return load<i32>(p + offset);
}

// @ts-ignore: decorator
@inline
export function address(p: usize, offset: usize): usize {
  return <usize>load<u32>(p + offset);
}

/** First of the rows that a thread has, of `threads` equal shares; for thread `threads`, the number of rows. */
// @ts-ignore: decorator
@inline
export function firstRow(rows: i32, thread: i32, threads: i32): i32 {
  return <i32>((<i64>rows * thread) / threads);
}

/** The thread that a feature belongs to: neighbours are spread, as features that occur often tend to be neighbours. */
// @ts-ignore: decorator
@inline
export function ownerOf(column: u32, threads: i32): i32 {
  return <i32>((<u64>(column * 0x9e3779b9) * <u64>threads) >> 32);
}

/** Bytes of a thread's line of counts: those of two threads must not share a cache line, which both would write to. */
// @ts-ignore: decorator
@inline
export function pitchOf(threads: i32): usize {
  return <usize>(((threads + 15) & ~15) + 16) << 2;
}
