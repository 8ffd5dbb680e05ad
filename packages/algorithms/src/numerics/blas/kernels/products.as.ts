/**
 * c = alpha a b + beta c in single precision, any of the factors transposed, optionally only the diagonal and above.
 *
 * Blocks are packed as by Goto and van de Geijn (2008), Anatomy of high-performance matrix multiplication, ACM Trans. Math.
 * Softw. 34(3): 256 deep, so that the 8 columns of b that a tile needs stay in the first cache while 32 rows of a, 4 at a
 * time, pass by them from the second. A tile of 4 x 8 fills the 8 accumulators that SIMD of 128 bits has registers for.
 *
 * Chunks of 32 rows of c go to threads in turn. Each element is added up by one thread in the order of k, in blocks of 256:
 * any number of threads gives the same bits. plain-blas.ts is the twin; layout.ts has the offsets of the parameter block.
 */
import { barrier, giveCommand, serveCommands } from "../../parts/threads.as";
import { madd } from "../../parts/vectors.as";

// Offsets in the parameter block, which layout.ts has too. Rows and columns are distances in bytes.
const P_A: usize = 0;
const P_B: usize = 4;
const P_C: usize = 8;
const P_M: usize = 12;
const P_N: usize = 16;
const P_K: usize = 20;
const P_A_ROW: usize = 24;
const P_A_COLUMN: usize = 28;
const P_B_ROW: usize = 32;
const P_B_COLUMN: usize = 36;
const P_C_ROW: usize = 40;
const P_IS_UPPER: usize = 44;
const P_PACKED_B: usize = 48;
const P_PACKED_A: usize = 52;
const P_ALPHA: usize = 56;
const P_BETA: usize = 60;

const DEPTH: i32 = 256;
const COLUMNS: i32 = 1024;
const ROWS: i32 = 32;

// @ts-ignore: decorator
@inline
function param(p: usize, offset: usize): i32 {
  return load<i32>(p + offset);
}

/** Packs columns of b by eights: for each, `depth` times 8 floats. Missing columns are zeros. */
function packB(p: usize, j0: i32, columns: i32, k0: i32, depth: i32, thread: i32, threads: i32): void {
  const rowBytes = <usize>param(p, P_B_ROW);
  const columnBytes = <usize>param(p, P_B_COLUMN);
  const source = <usize>param(p, P_B) + <usize>k0 * rowBytes;
  for (let panel = thread; panel << 3 < columns; panel += threads) {
    const first = panel << 3;
    const out = <usize>param(p, P_PACKED_B) + <usize>(panel * depth) * 32;
    const count = min(8, columns - first);
    let from = source + <usize>(j0 + first) * columnBytes;
    if (columnBytes == 4 && count == 8) {
      for (let q: usize = 0; q < <usize>depth; q++) {
        v128.store(out + (q << 5), v128.load(from));
        v128.store(out + (q << 5), v128.load(from, 16), 16);
        from += rowBytes;
      }
      continue;
    }
    for (let c: usize = 0; c < 8; c++) {
      const has = <i32>c < count;
      let at = from + c * columnBytes;
      for (let q: usize = 0; q < <usize>depth; q++) {
        store<f32>(out + (q << 5) + (c << 2), has ? load<f32>(at) : 0);
        at += rowBytes;
      }
    }
  }
}

/** Packs rows of a by fours, times alpha: for each, `depth` times 4 floats. Missing rows are zeros. */
function packA(p: usize, i0: i32, rows: i32, k0: i32, depth: i32, out: usize): void {
  const rowBytes = <usize>param(p, P_A_ROW);
  const columnBytes = <usize>param(p, P_A_COLUMN);
  const alpha = load<f32>(p + P_ALPHA);
  const alphas = f32x4.splat(alpha);
  const source = <usize>param(p, P_A) + <usize>i0 * rowBytes + <usize>k0 * columnBytes;
  for (let first = 0; first < rows; first += 4) {
    const count = min(4, rows - first);
    let from = source + <usize>first * rowBytes;
    if (rowBytes == 4 && count == 4) {
      for (let q: usize = 0; q < <usize>depth; q++) {
        v128.store(out + (q << 4), f32x4.mul(v128.load(from), alphas));
        from += columnBytes;
      }
    } else {
      for (let r: usize = 0; r < 4; r++) {
        const has = <i32>r < count;
        let at = from + r * rowBytes;
        for (let q: usize = 0; q < <usize>depth; q++) {
          store<f32>(out + (q << 4) + (r << 2), has ? load<f32>(at) * alpha : 0);
          at += columnBytes;
        }
      }
    }
    out += <usize>depth << 4;
  }
}

// @ts-ignore: decorator
@inline
function put(at: usize, low: v128, high: v128, beta: f32): void {
  if (beta == 0) {
    v128.store(at, low);
    v128.store(at, high, 16);
    return;
  }
  const betas = f32x4.splat(beta);
  v128.store(at, f32x4.add(low, f32x4.mul(v128.load(at), betas)));
  v128.store(at, f32x4.add(high, f32x4.mul(v128.load(at, 16), betas)), 16);
}

/** The part of a tile that c has: row r and column j of the tile where j >= r + from. */
function putEdge(
  c: usize,
  rowBytes: usize,
  tile: usize,
  rows: i32,
  columns: i32,
  from: i32,
  beta: f32,
): void {
  for (let r = 0; r < rows; r++) {
    for (let j = max(0, r + from); j < columns; j++) {
      const at = c + <usize>r * rowBytes + (<usize>j << 2);
      const value = load<f32>(tile + (<usize>r << 5) + (<usize>j << 2));
      store<f32>(at, beta == 0 ? value : value + beta * load<f32>(at));
    }
  }
}

/** A chunk of up to 32 packed rows times a packed block of columns. `tile` is room for 32 floats. */
function multiplyChunk(
  p: usize,
  i0: i32,
  rows: i32,
  j0: i32,
  columns: i32,
  depth: i32,
  beta: f32,
  packedA: usize,
  tile: usize,
): void {
  const rowBytes = <usize>param(p, P_C_ROW);
  const isUpper = param(p, P_IS_UPPER) != 0;
  for (let j = 0; j < columns; j += 8) {
    const panelB = <usize>param(p, P_PACKED_B) + (<usize>(j * depth) << 2);
    for (let i = 0; i < rows; i += 4) {
      // Columns of the tile begin this far left of the diagonal.
      const below = i0 + i - (j0 + j);
      if (isUpper && below > 7) break;
      let a = packedA + (<usize>(i * depth) << 2);
      let b = panelB;
      const end = b + (<usize>depth << 5);
      let l0 = f32x4.splat(0);
      let h0 = l0, l1 = l0, h1 = l0, l2 = l0, h2 = l0, l3 = l0, h3 = l0;
      while (b < end) {
        const low = v128.load(b);
        const high = v128.load(b, 16);
        b += 32;
        const v0 = v128.load32_splat(a);
        l0 = madd(v0, low, l0);
        h0 = madd(v0, high, h0);
        const v1 = v128.load32_splat(a, 4);
        l1 = madd(v1, low, l1);
        h1 = madd(v1, high, h1);
        const v2 = v128.load32_splat(a, 8);
        l2 = madd(v2, low, l2);
        h2 = madd(v2, high, h2);
        const v3 = v128.load32_splat(a, 12);
        l3 = madd(v3, low, l3);
        h3 = madd(v3, high, h3);
        a += 16;
      }
      const c = <usize>param(p, P_C) + <usize>(i0 + i) * rowBytes + (<usize>(j0 + j) << 2);
      if (rows - i >= 4 && columns - j >= 8 && (!isUpper || below <= -3)) {
        put(c, l0, h0, beta);
        put(c + rowBytes, l1, h1, beta);
        put(c + rowBytes * 2, l2, h2, beta);
        put(c + rowBytes * 3, l3, h3, beta);
        continue;
      }
      put(tile, l0, h0, 0);
      put(tile + 32, l1, h1, 0);
      put(tile + 64, l2, h2, 0);
      put(tile + 96, l3, h3, 0);
      putEdge(c, rowBytes, tile, min(4, rows - i), min(8, columns - j), isUpper ? below : -8, beta);
    }
  }
}

/** c = beta c, for a product of nothing. */
function scaleC(p: usize, thread: i32, threads: i32): void {
  const beta = load<f32>(p + P_BETA);
  for (let i = thread; i < param(p, P_M); i += threads) {
    const row = <usize>param(p, P_C) + <usize>i * <usize>param(p, P_C_ROW);
    for (let j = param(p, P_IS_UPPER) != 0 ? i : 0; j < param(p, P_N); j++) {
      const at = row + (<usize>j << 2);
      store<f32>(at, beta == 0 ? 0 : beta * load<f32>(at));
    }
  }
}

function multiply(control: usize, p: usize, thread: i32, threads: i32): void {
  const m = param(p, P_M);
  const n = param(p, P_N);
  const k = param(p, P_K);
  if (k == 0) {
    scaleC(p, thread, threads);
    return;
  }
  const tile = <usize>param(p, P_PACKED_A) + <usize>thread * <usize>(ROWS * DEPTH * 4 + 128);
  const packedA = tile + 128;
  const isUpper = param(p, P_IS_UPPER) != 0;
  for (let j0 = 0; j0 < n; j0 += COLUMNS) {
    const columns = min(COLUMNS, n - j0);
    for (let k0 = 0; k0 < k; k0 += DEPTH) {
      const depth = min(DEPTH, k - k0);
      packB(p, j0, columns, k0, depth, thread, threads);
      barrier(control, threads);
      const beta: f32 = k0 == 0 ? load<f32>(p + P_BETA) : 1;
      for (let i0 = thread * ROWS; i0 < m; i0 += threads * ROWS) {
        if (isUpper && i0 >= j0 + columns) break;
        const rows = min(ROWS, m - i0);
        packA(p, i0, rows, k0, depth, packedA);
        multiplyChunk(p, i0, rows, j0, columns, depth, beta, packedA, tile);
      }
      // Nobody packs the next block before all are done with this one.
      barrier(control, threads);
    }
  }
}

function dispatch(control: usize, kind: i32, argument: usize, thread: i32, threads: i32): void {
  multiply(control, argument, thread, threads);
}

/** A worker's whole life. */
export function serve(control: usize, thread: i32, threads: i32, seen: i32): void {
  serveCommands(control, thread, threads, seen, dispatch);
}

/** Runs the product that a parameter block describes on all threads. */
export function command(control: usize, kind: i32, argument: usize, threads: i32): void {
  giveCommand(control, kind, argument, threads, dispatch);
}
