/**
 * Nearest centres of many rows, and the sums of the rows that each centre has: all that k-means does at length.
 *
 * Rows and centres have a stride of a multiple of 4 floats, padded with zeros. Centres are also packed in blocks of 8:
 * for each block 8 floats of -|c|^2 / 2, then 8 floats for each feature; the last block is filled up with centres at
 * infinity. x.c - |c|^2 / 2 is greatest for the nearest centre, so one multiply-add for each feature ranks them.
 * Work goes over 64 rows and one block at a time, so that both stay in the first cache however many centres there are.
 *
 * Rows go to threads by their place and sums by their centre, each added in the order of rows: any number of threads
 * gives the same bits. plain-assigner.ts is the twin; layout.ts has the offsets of the parameter block.
 */
import { barrier, giveCommand, serveCommands } from "../../numerics/parts/threads.as";
import { madd } from "../../numerics/parts/vectors.as";

// Offsets in the parameter block, which layout.ts has too.
const P_X: usize = 0;
const P_ROWS: usize = 4;
const P_WIDTH: usize = 8;
const P_STRIDE: usize = 12;
const P_COUNT: usize = 16;
const P_PACKED: usize = 20;
const P_CENTRES: usize = 24;
const P_LABELS: usize = 28;
const P_DISTANCES: usize = 32;
const P_SUMS: usize = 36;
const P_COUNTS: usize = 40;
const P_COSTS: usize = 44;
const P_SCRATCH: usize = 48;

/** Rows that a thread takes at a time. */
const CHUNK: i32 = 64;
/** A chunk's best scores and their centres, four lanes each. */
const SCRATCH_BYTES: usize = 64 * 32;

// @ts-ignore: decorator
@inline
function param(p: usize, offset: usize): i32 {
  return load<i32>(p + offset);
}

/** Nearest centres of up to 64 rows, by lanes: lane l has the best of the centres whose index leaves l when divided by 4. */
function rank(x: usize, rows: i32, width: i32, strideBytes: usize, blocks: i32, packed: usize, scratch: usize): void {
  const worst = f32x4.splat(-Infinity);
  for (let i: usize = 0; i < <usize>rows + 3; i++) {
    v128.store(scratch + (i << 5), worst);
    v128.store(scratch + (i << 5), i32x4.splat(0), 16);
  }
  const last = rows - 1;
  const rowBytes = <usize>width << 2;
  const blockBytes = (rowBytes + 4) << 3;
  for (let b = 0; b < blocks; b++) {
    const block = packed + <usize>b * blockBytes;
    const ia = i32x4.add(i32x4.splat(b << 3), i32x4(0, 1, 2, 3));
    const ib = i32x4.add(ia, i32x4.splat(4));
    for (let i = 0; i < rows; i += 4) {
      // Rows past the end repeat the last one; nobody reads what comes of them.
      const x0 = x + <usize>i * strideBytes;
      const x1 = x + <usize>min(i + 1, last) * strideBytes;
      const x2 = x + <usize>min(i + 2, last) * strideBytes;
      const x3 = x + <usize>min(i + 3, last) * strideBytes;
      let a0 = v128.load(block);
      let b0 = v128.load(block, 16);
      let a1 = a0, b1 = b0, a2 = a0, b2 = b0, a3 = a0, b3 = b0;
      let c = block + 32;
      for (let o: usize = 0; o < rowBytes; o += 4) {
        const ca = v128.load(c);
        const cb = v128.load(c, 16);
        c += 32;
        const v0 = v128.load32_splat(x0 + o);
        a0 = madd(v0, ca, a0);
        b0 = madd(v0, cb, b0);
        const v1 = v128.load32_splat(x1 + o);
        a1 = madd(v1, ca, a1);
        b1 = madd(v1, cb, b1);
        const v2 = v128.load32_splat(x2 + o);
        a2 = madd(v2, ca, a2);
        b2 = madd(v2, cb, b2);
        const v3 = v128.load32_splat(x3 + o);
        a3 = madd(v3, ca, a3);
        b3 = madd(v3, cb, b3);
      }
      const s = scratch + (<usize>i << 5);
      keepBest(s, a0, b0, ia, ib);
      keepBest(s + 32, a1, b1, ia, ib);
      keepBest(s + 64, a2, b2, ia, ib);
      keepBest(s + 96, a3, b3, ia, ib);
    }
  }
}

// @ts-ignore: decorator
@inline
function keepBest(at: usize, a: v128, b: v128, ia: v128, ib: v128): void {
  // Strictly better only, so that the centre with the lowest index wins a tie.
  const isB = f32x4.gt(b, a);
  const score = v128.bitselect(b, a, isB);
  const index = v128.bitselect(ib, ia, isB);
  const best = v128.load(at);
  const isBetter = f32x4.gt(score, best);
  v128.store(at, v128.bitselect(score, best, isBetter));
  v128.store(at, v128.bitselect(index, v128.load(at, 16), isBetter), 16);
}

/** The best of four lanes; of equals the lowest index. */
function settle(at: usize): i32 {
  let score = load<f32>(at);
  let index = load<i32>(at, 16);
  for (let lane: usize = 4; lane < 16; lane += 4) {
    const s = load<f32>(at + lane);
    const i = load<i32>(at + lane, 16);
    if (s > score || (s == score && i < index)) {
      score = s;
      index = i;
    }
  }
  return index;
}

/** Squared distance, from differences: exact to single precision also where it is small. */
function squaredDistance(x: usize, c: usize, strideBytes: usize): f32 {
  let sum = f32x4.splat(0);
  for (let o: usize = 0; o < strideBytes; o += 16) {
    const d = f32x4.sub(v128.load(x + o), v128.load(c + o));
    sum = madd(d, d, sum);
  }
  return (
    f32x4.extract_lane(sum, 0) +
    f32x4.extract_lane(sum, 2) +
    (f32x4.extract_lane(sum, 1) + f32x4.extract_lane(sum, 3))
  );
}

function assignSlice(p: usize, thread: i32, threads: i32): void {
  const rows = param(p, P_ROWS);
  const width = param(p, P_WIDTH);
  const strideBytes = <usize>param(p, P_STRIDE) << 2;
  const blocks = (param(p, P_COUNT) + 7) >> 3;
  const packed = <usize>param(p, P_PACKED);
  const centres = <usize>param(p, P_CENTRES);
  const scratch = <usize>param(p, P_SCRATCH) + <usize>thread * (SCRATCH_BYTES + 96);
  for (let first = thread * CHUNK; first < rows; first += threads * CHUNK) {
    const count = min(CHUNK, rows - first);
    const x = <usize>param(p, P_X) + <usize>first * strideBytes;
    rank(x, count, width, strideBytes, blocks, packed, scratch);
    const labels = <usize>param(p, P_LABELS) + (<usize>first << 2);
    const distances = <usize>param(p, P_DISTANCES) + (<usize>first << 2);
    for (let i: usize = 0; i < <usize>count; i++) {
      const label = settle(scratch + (i << 5));
      store<i32>(labels + (i << 2), label);
      const distance = squaredDistance(x + i * strideBytes, centres + <usize>label * strideBytes, strideBytes);
      store<f32>(distances + (i << 2), distance);
    }
  }
}

/** Adds rows to the sums of the centres that belong to a thread. */
function sumSlice(p: usize, thread: i32, threads: i32): void {
  const rows = param(p, P_ROWS);
  const strideBytes = <usize>param(p, P_STRIDE) << 2;
  const x = <usize>param(p, P_X);
  const labels = <usize>param(p, P_LABELS);
  const distances = <usize>param(p, P_DISTANCES);
  const sums = <usize>param(p, P_SUMS);
  const counts = <usize>param(p, P_COUNTS);
  const costs = <usize>param(p, P_COSTS);
  for (let i: usize = 0; i < <usize>rows; i++) {
    const label = load<i32>(labels + (i << 2));
    if (threads > 1 && label % threads != thread) continue;
    const c = <usize>label;
    store<f64>(counts + (c << 3), load<f64>(counts + (c << 3)) + 1);
    store<f64>(costs + (c << 3), load<f64>(costs + (c << 3)) + <f64>load<f32>(distances + (i << 2)));
    let row = x + i * strideBytes;
    let sum = sums + ((c * strideBytes) << 1);
    for (let o: usize = 0; o < strideBytes; o += 8) {
      const v = f64x2.promote_low_f32x4(v128.load64_zero(row));
      v128.store(sum, f64x2.add(v128.load(sum), v));
      row += 8;
      sum += 16;
    }
  }
}

function dispatch(control: usize, kind: i32, argument: usize, thread: i32, threads: i32): void {
  assignSlice(argument, thread, threads);
  if (kind != 2) return;
  barrier(control, threads);
  sumSlice(argument, thread, threads);
}

/** A worker's whole life. */
export function serve(control: usize, thread: i32, threads: i32, seen: i32): void {
  serveCommands(control, thread, threads, seen, dispatch);
}

/** Runs a command on all threads: 1 assigns rows, 2 assigns and sums them. */
export function command(control: usize, kind: i32, argument: usize, threads: i32): void {
  giveCommand(control, kind, argument, threads, dispatch);
}
