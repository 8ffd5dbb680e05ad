/**
 * Nearest rows of many queries: all that k-nearest neighbours does at length.
 *
 * Rows and queries have a stride of a multiple of 4 floats, padded with zeros, row-major. A scan ranks by
 * s = x.c - |c|^2 / 2 (L2) or s = x.c (inner product) in single precision, four rows and two queries at a time. What may
 * be among the k best, given how far rounding can be off, is measured again from differences in double precision, and
 * that decides. So results depend neither on the number of threads nor on which other queries are asked, nor on who
 * computed the products.
 *
 * Of each query a heap keeps the k nearest by (distance, id), the farthest first. Distances are |x - c|^2, or -x.c.
 * Queries are dealt to threads. plain-scanner.ts is the twin; layout.ts has the offsets of the parameter block.
 */
import { giveCommand, serveCommands } from "../../numerics/parts/threads.as";
import { laneMask, madd } from "../../numerics/parts/vectors.as";

// Offsets in the parameter block, which layout.ts has too.
const P_ROWS: usize = 0;
const P_HALVES: usize = 4;
const P_IDS: usize = 8;
const P_COUNT: usize = 12;
const P_WIDTH: usize = 16;
const P_ROW_BYTES: usize = 20;
const P_QUERIES: usize = 24;
const P_SQUARES: usize = 28;
const P_NORMS: usize = 32;
const P_THRESHOLDS: usize = 36;
const P_COUNTS: usize = 40;
const P_DISTANCES: usize = 44;
const P_FOUND: usize = 48;
const P_K: usize = 52;
const P_CHOSEN: usize = 56;
const P_TOTAL: usize = 60;
const P_IS_L2: usize = 64;
const P_CODEBOOK: usize = 68;
const P_CENTROID: usize = 72;
const P_PARTS: usize = 76;
const P_PART_WIDTH: usize = 80;
const P_TABLES: usize = 84;
const P_OUTPUT: usize = 88;
const P_OUTPUT_BYTES: usize = 92;
const P_PRODUCTS: usize = 96;
const P_PRODUCT_BYTES: usize = 100;

/** Queries that a thread takes at a time, so that a row is read once for all of them. */
const QUERIES: i32 = 64;
/** Rows that go past them together: some 16 KiB, which stay in the first cache. */
const CHUNK_BYTES: i32 = 16384;
const CHUNK: i32 = 64;
/** Half the distance from 1 to the next single, and a hundredth for what is computed of it. */
const UNIT: f32 = 6.02e-8;

// @ts-ignore: decorator
@inline
function param(p: usize, offset: usize): i32 {
  return load<i32>(p + offset);
}

// @ts-ignore: decorator
@inline
function address(p: usize, offset: usize): usize {
  return <usize>load<u32>(p + offset);
}

/** Sums of the lanes of four vectors. */
// @ts-ignore: decorator
@inline
function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(i32x4.shuffle(a, b, 0, 1, 4, 5), i32x4.shuffle(a, b, 2, 3, 6, 7));
  const cd = f32x4.add(i32x4.shuffle(c, d, 0, 1, 4, 5), i32x4.shuffle(c, d, 2, 3, 6, 7));
  return f32x4.add(i32x4.shuffle(ab, cd, 0, 2, 4, 6), i32x4.shuffle(ab, cd, 1, 3, 5, 7));
}

/** |x - c|^2 or -x.c, in double precision and in one order. */
function exact(x: usize, c: usize, bytes: usize, isL2: bool): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let o: usize = 0; o < bytes; o += 16) {
    let xl = f64x2.promote_low_f32x4(v128.load64_zero(x + o));
    let xh = f64x2.promote_low_f32x4(v128.load64_zero(x + o + 8));
    let cl = f64x2.promote_low_f32x4(v128.load64_zero(c + o));
    let ch = f64x2.promote_low_f32x4(v128.load64_zero(c + o + 8));
    if (isL2) {
      xl = f64x2.sub(xl, cl);
      xh = f64x2.sub(xh, ch);
      cl = xl;
      ch = xh;
    }
    low = f64x2.add(low, f64x2.mul(xl, cl));
    high = f64x2.add(high, f64x2.mul(xh, ch));
  }
  const sum = f64x2.add(low, high);
  const total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  return isL2 ? total : -total;
}

/** Whether the first of two neighbours is farther, of equally far ones whether it has the higher id. */
// @ts-ignore: decorator
@inline
function isFarther(d: f64, id: i32, other: f64, otherId: i32): bool {
  return d > other || (d == other && id > otherId);
}

/** Puts a neighbour at a place of a heap of so many, or below it. */
function siftDown(distances: usize, found: usize, count: i32, place: i32, d: f64, id: i32): void {
  for (;;) {
    let child = 2 * place + 1;
    if (child >= count) break;
    let far = load<f64>(distances + (<usize>child << 3));
    let farId = load<i32>(found + (<usize>child << 2));
    if (child + 1 < count) {
      const right = load<f64>(distances + (<usize>child << 3), 8);
      const rightId = load<i32>(found + (<usize>child << 2), 4);
      if (isFarther(right, rightId, far, farId)) {
        child++;
        far = right;
        farId = rightId;
      }
    }
    if (!isFarther(far, farId, d, id)) break;
    store<f64>(distances + (<usize>place << 3), far);
    store<i32>(found + (<usize>place << 2), farId);
    place = child;
  }
  store<f64>(distances + (<usize>place << 3), d);
  store<i32>(found + (<usize>place << 2), id);
}

function siftUp(distances: usize, found: usize, place: i32, d: f64, id: i32): void {
  while (place > 0) {
    const parent = (place - 1) >> 1;
    const above = load<f64>(distances + (<usize>parent << 3));
    const aboveId = load<i32>(found + (<usize>parent << 2));
    if (!isFarther(d, id, above, aboveId)) break;
    store<f64>(distances + (<usize>place << 3), above);
    store<i32>(found + (<usize>place << 2), aboveId);
    place = parent;
  }
  store<f64>(distances + (<usize>place << 3), d);
  store<i32>(found + (<usize>place << 2), id);
}

/** Offers a query a neighbour. @returns Whether it is one of the k nearest so far. */
function offer(p: usize, q: i32, d: f64, id: i32): bool {
  const k = param(p, P_K);
  const distances = address(p, P_DISTANCES) + <usize>q * <usize>k * 8;
  const found = address(p, P_FOUND) + <usize>q * <usize>k * 4;
  const counts = address(p, P_COUNTS) + (<usize>q << 2);
  const count = load<i32>(counts);
  if (count < k) {
    siftUp(distances, found, count, d, id);
    store<i32>(counts, count + 1);
    return true;
  }
  if (!isFarther(load<f64>(distances), load<i32>(found), d, id)) return false;
  siftDown(distances, found, k, 0, d, id);
  return true;
}

/** Measures a row again, offers it, and says from which score on others may still count. */
function admit(p: usize, q: i32, row: i32): f32 {
  const bytes = address(p, P_ROW_BYTES);
  const x = address(p, P_QUERIES) + <usize>q * bytes;
  const isL2 = param(p, P_IS_L2) != 0;
  const d = exact(x, address(p, P_ROWS) + <usize>row * bytes, bytes, isL2);
  const thresholds = address(p, P_THRESHOLDS) + (<usize>q << 2);
  if (!offer(p, q, d, load<i32>(address(p, P_IDS) + (<usize>row << 2)))) return load<f32>(thresholds);
  const k = param(p, P_K);
  if (load<i32>(address(p, P_COUNTS) + (<usize>q << 2)) < k) return -Infinity;
  const worst = load<f64>(address(p, P_DISTANCES) + <usize>q * <usize>k * 8);
  const score = isL2 ? (load<f64>(address(p, P_SQUARES) + (<usize>q << 3)) - worst) * 0.5 : -worst;
  const threshold = <f32>(score - abs(score) * 1.2e-7);
  store<f32>(thresholds, threshold);
  return threshold;
}

/** How far a score may be off for rows of a norm up to this one. */
// @ts-ignore: decorator
@inline
function marginOf(p: usize, q: i32, norm: f32): f32 {
  const own = load<f32>(address(p, P_NORMS) + (<usize>q << 2));
  return UNIT * <f32>(param(p, P_WIDTH) + 8) * (own * norm + 0.5 * norm * norm);
}

/** The largest norm of some rows. */
function largestNorm(halves: usize, count: i32): f32 {
  let most: f32 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const half = load<f32>(halves + (i << 2));
    // What is not a number leaves no bound.
    if (!(half <= most)) most = half;
  }
  return sqrt<f32>(2 * most);
}

/** Admits the lanes whose score is not below a query's threshold. @returns The threshold less the margin, in all lanes. */
function admitLanes(p: usize, q: i32, row: i32, isBelow: v128, margin: f32, limit: v128): v128 {
  let lanes = ~i32x4.bitmask(isBelow) & 15;
  let threshold: f32 = 0;
  while (lanes != 0) {
    threshold = admit(p, q, row + ctz(lanes));
    lanes &= lanes - 1;
  }
  return f32x4.splat(threshold - margin);
}

/** Shows some rows to two queries, or to one twice. */
function scanPair(p: usize, a: i32, b: i32, first: i32, count: i32, norm: f32): void {
  const bytes = address(p, P_ROW_BYTES);
  const queries = address(p, P_QUERIES);
  const xa = queries + <usize>a * bytes;
  const xb = queries + <usize>b * bytes;
  const thresholds = address(p, P_THRESHOLDS);
  const marginA = marginOf(p, a, norm);
  const marginB = marginOf(p, b, norm);
  let limitA = f32x4.splat(load<f32>(thresholds + (<usize>a << 2)) - marginA);
  let limitB = f32x4.splat(load<f32>(thresholds + (<usize>b << 2)) - marginB);
  const isL2 = param(p, P_IS_L2) != 0;
  const halves = address(p, P_HALVES) + (<usize>first << 2);
  const rows = address(p, P_ROWS) + <usize>first * bytes;
  const last = count - 1;
  const zero = f32x4.splat(0);
  for (let j = 0; j < count; j += 4) {
    // Rows past the end repeat the last one; their lanes count as below.
    const c0 = rows + <usize>j * bytes;
    const c1 = rows + <usize>min(j + 1, last) * bytes;
    const c2 = rows + <usize>min(j + 2, last) * bytes;
    const c3 = rows + <usize>min(j + 3, last) * bytes;
    let a0 = zero, a1 = zero, a2 = zero, a3 = zero;
    let b0 = zero, b1 = zero, b2 = zero, b3 = zero;
    for (let o: usize = 0; o < bytes; o += 16) {
      const va = v128.load(xa + o);
      const vb = v128.load(xb + o);
      const v0 = v128.load(c0 + o);
      a0 = madd(va, v0, a0);
      b0 = madd(vb, v0, b0);
      const v1 = v128.load(c1 + o);
      a1 = madd(va, v1, a1);
      b1 = madd(vb, v1, b1);
      const v2 = v128.load(c2 + o);
      a2 = madd(va, v2, a2);
      b2 = madd(vb, v2, b2);
      const v3 = v128.load(c3 + o);
      a3 = madd(va, v3, a3);
      b3 = madd(vb, v3, b3);
    }
    const half = isL2 ? v128.load(halves + (<usize>j << 2)) : zero;
    let belowA = f32x4.lt(f32x4.sub(sums(a0, a1, a2, a3), half), limitA);
    let belowB = f32x4.lt(f32x4.sub(sums(b0, b1, b2, b3), half), limitB);
    if (count - j < 4) {
      const outside = v128.not(laneMask(count - j));
      belowA = v128.or(belowA, outside);
      belowB = v128.or(belowB, outside);
    }
    if (!i32x4.all_true(belowA)) limitA = admitLanes(p, a, first + j, belowA, marginA, limitA);
    if (a != b && !i32x4.all_true(belowB)) limitB = admitLanes(p, b, first + j, belowB, marginB, limitB);
  }
}

// @ts-ignore: decorator
@inline
function queryAt(p: usize, i: i32): i32 {
  const chosen = address(p, P_CHOSEN);
  return chosen == 0 ? i : load<i32>(chosen + (<usize>i << 2));
}

/** Queries that a thread takes at a time. */
function share(total: i32, threads: i32): i32 {
  const even = ((total + threads - 1) / threads + 1) & ~1;
  return max(2, min(QUERIES, even));
}

function scanSlice(p: usize, thread: i32, threads: i32): void {
  const total = param(p, P_TOTAL);
  const count = param(p, P_COUNT);
  const halves = address(p, P_HALVES);
  const chunk = max(4, min(CHUNK, (CHUNK_BYTES / param(p, P_ROW_BYTES)) & ~3));
  const size = share(total, threads);
  for (let from = thread * size; from < total; from += threads * size) {
    const to = min(from + size, total);
    for (let first = 0; first < count; first += chunk) {
      const rows = min(chunk, count - first);
      const norm = largestNorm(halves + (<usize>first << 2), rows);
      for (let i = from; i < to; i += 2) {
        scanPair(p, queryAt(p, i), queryAt(p, min(i + 1, to - 1)), first, rows, norm);
      }
    }
  }
}

/** The same with products x.c that are there already, shape (queries, rows), of all queries in order. */
function siftSlice(p: usize, thread: i32, threads: i32): void {
  const total = param(p, P_TOTAL);
  const count = param(p, P_COUNT);
  const halves = address(p, P_HALVES);
  const isL2 = param(p, P_IS_L2) != 0;
  const thresholds = address(p, P_THRESHOLDS);
  const zero = f32x4.splat(0);
  for (let q = thread; q < total; q += threads) {
    const products = address(p, P_PRODUCTS) + <usize>q * address(p, P_PRODUCT_BYTES);
    const norm = largestNorm(halves, count);
    const margin = marginOf(p, q, norm);
    let limit = f32x4.splat(load<f32>(thresholds + (<usize>q << 2)) - margin);
    for (let j = 0; j < count; j += 4) {
      const half = isL2 ? v128.load(halves + (<usize>j << 2)) : zero;
      let isBelow = f32x4.lt(f32x4.sub(v128.load(products + (<usize>j << 2)), half), limit);
      if (count - j < 4) isBelow = v128.or(isBelow, v128.not(laneMask(count - j)));
      if (!i32x4.all_true(isBelow)) limit = admitLanes(p, q, j, isBelow, margin, limit);
    }
  }
}

/** Squared distances from a residual to every codeword of every part, part after part; 256 codewords lie side by side. */
function fillTables(p: usize, x: usize, tables: usize): void {
  const parts = param(p, P_PARTS);
  const partWidth = param(p, P_PART_WIDTH);
  const centroid = address(p, P_CENTROID);
  let words = address(p, P_CODEBOOK);
  let feature: usize = 0;
  for (let part = 0; part < parts; part++) {
    const table = tables + (<usize>part << 10);
    for (let w: usize = 0; w < 1024; w += 16) v128.store(table + w, f32x4.splat(0));
    for (let j = 0; j < partWidth; j++) {
      const r = f32x4.splat(load<f32>(x + feature) - load<f32>(centroid + feature));
      feature += 4;
      for (let w: usize = 0; w < 1024; w += 16) {
        // No fused multiply-add here: nothing is measured again, so that every machine must find the same.
        const d = f32x4.sub(r, v128.load(words + w));
        v128.store(table + w, f32x4.add(v128.load(table + w), f32x4.mul(d, d)));
      }
      words += 1024;
    }
  }
}

function scanCodesSlice(p: usize, thread: i32, threads: i32): void {
  const total = param(p, P_TOTAL);
  const count = param(p, P_COUNT);
  const parts = param(p, P_PARTS);
  const k = param(p, P_K);
  const ids = address(p, P_IDS);
  const tables = address(p, P_TABLES) + <usize>thread * (<usize>parts << 10);
  const stride = <usize>((param(p, P_WIDTH) + 3) & ~3) << 2;
  for (let i = thread; i < total; i += threads) {
    const q = queryAt(p, i);
    fillTables(p, address(p, P_QUERIES) + <usize>q * stride, tables);
    const counts = address(p, P_COUNTS) + (<usize>q << 2);
    const worst = address(p, P_DISTANCES) + <usize>q * <usize>k * 8;
    let code = address(p, P_ROWS);
    for (let row = 0; row < count; row++) {
      let d: f32 = 0;
      let table = tables;
      for (let part = 0; part < parts; part++) {
        d += load<f32>(table + (<usize>load<u8>(code) << 2));
        code++;
        table += 1024;
      }
      if (load<i32>(counts) == k && <f64>d > load<f64>(worst)) continue;
      offer(p, q, <f64>d, load<i32>(ids + (<usize>row << 2)));
    }
  }
}

/** Half the squared norm of rows. */
function measureSlice(p: usize, thread: i32, threads: i32): void {
  const count = param(p, P_COUNT);
  const bytes = address(p, P_ROW_BYTES);
  const halves = address(p, P_HALVES);
  for (let i = thread; i < count; i += threads) {
    const row = address(p, P_ROWS) + <usize>i * bytes;
    store<f32>(halves + (<usize>i << 2), <f32>(-0.5 * exact(row, row, bytes, false)));
  }
}

/** Makes queries ready: nothing is found yet. */
function beginSlice(p: usize, thread: i32, threads: i32): void {
  const total = param(p, P_TOTAL);
  const stride = <usize>((param(p, P_WIDTH) + 3) & ~3) << 2;
  for (let q = thread; q < total; q += threads) {
    const at = <usize>q << 2;
    const x = address(p, P_QUERIES) + <usize>q * stride;
    const square = -exact(x, x, stride, false);
    store<f64>(address(p, P_SQUARES) + (<usize>q << 3), square);
    store<f32>(address(p, P_NORMS) + at, <f32>sqrt<f64>(square));
    store<f32>(address(p, P_THRESHOLDS) + at, -Infinity);
    store<i32>(address(p, P_COUNTS) + at, 0);
  }
}

/** Sorts what was found, nearest first. */
function finishSlice(p: usize, thread: i32, threads: i32): void {
  const total = param(p, P_TOTAL);
  const k = param(p, P_K);
  for (let q = thread; q < total; q += threads) {
    const distances = address(p, P_DISTANCES) + <usize>q * <usize>k * 8;
    const found = address(p, P_FOUND) + <usize>q * <usize>k * 4;
    for (let last = load<i32>(address(p, P_COUNTS) + (<usize>q << 2)) - 1; last > 0; last--) {
      const d = load<f64>(distances + (<usize>last << 3));
      const id = load<i32>(found + (<usize>last << 2));
      store<f64>(distances + (<usize>last << 3), load<f64>(distances));
      store<i32>(found + (<usize>last << 2), load<i32>(found));
      siftDown(distances, found, last, 0, d, id);
    }
  }
}

/** Products of rows with the rows of a matrix: output(i, r) = queries(i) . rows(r). */
function projectSlice(p: usize, thread: i32, threads: i32): void {
  const total = param(p, P_TOTAL);
  const count = param(p, P_COUNT);
  const bytes = address(p, P_ROW_BYTES);
  const rows = address(p, P_ROWS);
  const zero = f32x4.splat(0);
  for (let i = thread; i < total; i += threads) {
    const x = address(p, P_QUERIES) + <usize>i * bytes;
    const output = address(p, P_OUTPUT) + <usize>i * address(p, P_OUTPUT_BYTES);
    // Four at a time; the output's row has room for what is past the end, which is set to zero.
    for (let r = 0; r < count; r += 4) {
      const c0 = rows + <usize>r * bytes;
      const c1 = rows + <usize>min(r + 1, count - 1) * bytes;
      const c2 = rows + <usize>min(r + 2, count - 1) * bytes;
      const c3 = rows + <usize>min(r + 3, count - 1) * bytes;
      let a0 = zero, a1 = zero, a2 = zero, a3 = zero;
      for (let o: usize = 0; o < bytes; o += 16) {
        const v = v128.load(x + o);
        a0 = madd(v, v128.load(c0 + o), a0);
        a1 = madd(v, v128.load(c1 + o), a1);
        a2 = madd(v, v128.load(c2 + o), a2);
        a3 = madd(v, v128.load(c3 + o), a3);
      }
      v128.store(output + (<usize>r << 2), v128.and(sums(a0, a1, a2, a3), laneMask(count - r)));
    }
  }
}

function dispatch(control: usize, kind: i32, argument: usize, thread: i32, threads: i32): void {
  switch (kind) {
    case 1:
      measureSlice(argument, thread, threads);
      break;
    case 2:
      beginSlice(argument, thread, threads);
      break;
    case 3:
      scanSlice(argument, thread, threads);
      break;
    case 4:
      scanCodesSlice(argument, thread, threads);
      break;
    case 5:
      finishSlice(argument, thread, threads);
      break;
    case 6:
      projectSlice(argument, thread, threads);
      break;
    case 7:
      siftSlice(argument, thread, threads);
      break;
  }
}

/** A worker's whole life. */
export function serve(control: usize, thread: i32, threads: i32, seen: i32): void {
  serveCommands(control, thread, threads, seen, dispatch);
}

/** Runs a command on all threads; layout.ts names the commands. */
export function command(control: usize, kind: i32, argument: usize, threads: i32): void {
  giveCommand(control, kind, argument, threads, dispatch);
}
