/**
 * Dense kernels of the linear learner: many linear models trained side by side on one mini-batch.
 *
 * Memory is one shared block. Rows of X have a stride of `dp` floats (a multiple of 4, padding is zero); W is
 * (dp + 1, C) row-major, its last row the biases; C is 1 or a multiple of 4. With C = 1 vector lanes run over rows or
 * features, otherwise over columns. A mini-batch is cut into chunks whose number does not depend on the thread count,
 * and partial sums are added in chunk order, so any number of threads gives the same bits.
 *
 * plain-kernels.ts holds the twin of every function here; layout.ts the offsets of the parameter block.
 */

const TILE: i32 = 64; // rows per tile: scores of 64 x 32 columns are 8 KB and stay in the first-level cache

// Parameter block, byte offsets (layout.ts has the same table).
const P_MODE: usize = 0;
const P_X: usize = 4;
const P_Y: usize = 8;
const P_ROWS: usize = 12;
const P_BATCH: usize = 16;
const P_DP: usize = 20;
const P_C: usize = 24;
const P_W: usize = 28;
const P_S1: usize = 32;
const P_S2: usize = 36;
const P_GRADS: usize = 40;
const P_GRAD_BYTES: usize = 44;
const P_LOSSES: usize = 48;
const P_CHUNKS: usize = 52;
const P_TILES: usize = 56;
const P_TILE_BYTES: usize = 60;
const P_OUT: usize = 64;
const P_LOSS: usize = 68;
const P_A: usize = 72;
const P_KPAD: usize = 76;
const P_CLASS_W: usize = 84;
const P_POS_W: usize = 88;
const P_OPTIMIZER: usize = 92;
const P_BETA1: usize = 96;
const P_BETA2: usize = 100;
const P_MOMENTUM: usize = 104;
const P_EPSILON: usize = 108;
const P_BIAS_LR: usize = 112;
const P_BIAS_WD: usize = 116;
const P_USE_BIAS: usize = 120;
const P_LR: usize = 124;
const P_LR_MIN: usize = 128;
const P_LR_FACTOR: usize = 132;
const P_LR_STEP: usize = 136;
const P_LR_COUNT: usize = 140;
const P_L1: usize = 144;
const P_WD: usize = 148;
const P_BETA1_T: usize = 160;
const P_BETA2_T: usize = 168;
const P_MASK: usize = 180;
const P_OFFSETS: usize = 184;
const P_INDICES: usize = 188;
const P_VALUES: usize = 192;
const P_STAMPS: usize = 196;
const P_TOUCHED: usize = 200;
const P_BATCHES: usize = 204;

// Control block: barrier and command mailbox.
const K_COUNT: usize = 0;
const K_PHASE: usize = 4;
const K_WAITERS: usize = 8;
const K_COMMAND: usize = 12;
const K_KIND: usize = 16;
const K_ARGUMENT: usize = 20;
const K_DONE: usize = 24;

const SPINS: i32 = 20000;

@inline function madd(a: v128, b: v128, c: v128): v128 {
  return f32x4.relaxed_madd(a, b, c);
}

// ---------------------------------------------------------------- synchronisation

function waitWhile(address: usize, value: i32, waiters: usize): void {
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(address) != value) return;
  atomic.add<i32>(waiters, 1);
  while (atomic.load<i32>(address) == value) atomic.wait<i32>(address, value, -1);
  atomic.sub<i32>(waiters, 1);
}

/** Sense-counting barrier. Spins a little, then sleeps, so that a machine with fewer free cores still makes progress. */
export function barrier(control: usize, threads: i32): void {
  if (threads == 1) return;
  const phase = atomic.load<i32>(control + K_PHASE);
  if (atomic.add<i32>(control + K_COUNT, 1) == threads - 1) {
    atomic.store<i32>(control + K_COUNT, 0);
    atomic.add<i32>(control + K_PHASE, 1);
    if (atomic.load<i32>(control + K_WAITERS) > 0) atomic.notify(control + K_PHASE, threads);
  } else waitWhile(control + K_PHASE, phase, control + K_WAITERS);
}

/** A worker's whole life: waits for a command number above `seen`, runs it, reports; kind 0 ends it. */
export function serve(control: usize, thread: i32, threads: i32, seen: i32): void {
  for (;;) {
    waitWhile(control + K_COMMAND, seen, control + K_WAITERS + 64);
    seen = atomic.load<i32>(control + K_COMMAND);
    const kind = atomic.load<i32>(control + K_KIND);
    if (kind == 0) return;
    dispatch(control, kind, <usize>atomic.load<i32>(control + K_ARGUMENT), thread, threads);
    atomic.add<i32>(control + K_DONE, 1);
    atomic.notify(control + K_DONE, 1);
  }
}

/** Runs one command on every thread and returns when all are done. Called by thread 0. */
export function command(control: usize, kind: i32, argument: usize, threads: i32): void {
  if (threads > 1) {
    atomic.store<i32>(control + K_DONE, 0);
    atomic.store<i32>(control + K_KIND, kind);
    atomic.store<i32>(control + K_ARGUMENT, <i32>argument);
    atomic.add<i32>(control + K_COMMAND, 1);
    atomic.notify(control + K_COMMAND, threads);
    if (kind == 0) return;
  }
  dispatch(control, kind, argument, 0, threads);
  if (threads > 1) {
    for (;;) {
      const done = atomic.load<i32>(control + K_DONE);
      if (done == threads - 1) return;
      waitWhile(control + K_DONE, done, control + K_WAITERS + 128);
    }
  }
}

function dispatch(control: usize, kind: i32, argument: usize, thread: i32, threads: i32): void {
  if (kind == 1) run(control, argument, thread, threads);
  else if (kind == 2) stageSlice(argument, thread, threads);
  else if (kind == 3) runSparse(control, argument, thread, threads);
}

// ---------------------------------------------------------------- scaling

/** dst[i, j] = (src[i, j] - shift[j]) * scale[j]; columns from d to dp become 0. */
export function stage(src: usize, dst: usize, rows: i32, d: i32, dp: i32, shift: usize, scale: usize): void {
  const whole = d & ~3;
  for (let i = 0; i < rows; i++) {
    const from = src + (<usize>i * d << 2);
    const to = dst + (<usize>i * dp << 2);
    let j = 0;
    for (; j < whole; j += 4) {
      const o = <usize>j << 2;
      v128.store(to + o, f32x4.mul(f32x4.sub(v128.load(from + o), v128.load(shift + o)), v128.load(scale + o)));
    }
    for (; j < d; j++) {
      const o = <usize>j << 2;
      store<f32>(to + o, (load<f32>(from + o) - load<f32>(shift + o)) * load<f32>(scale + o));
    }
    for (; j < dp; j++) store<f32>(to + (<usize>j << 2), 0);
  }
}

/** Block of i32: src, dst, rows, d, dp, shift, scale. Each thread takes a slice of the rows. */
function stageSlice(q: usize, thread: i32, threads: i32): void {
  const rows = load<i32>(q + 8);
  const d = load<i32>(q + 12);
  const dp = load<i32>(q + 16);
  const first = <i32>((<i64>rows * thread) / threads);
  const last = <i32>((<i64>rows * (thread + 1)) / threads);
  stage(
    load<usize>(q) + (<usize>first * d << 2),
    load<usize>(q + 4) + (<usize>first * dp << 2),
    last - first, d, dp, load<usize>(q + 20), load<usize>(q + 24),
  );
}

// ---------------------------------------------------------------- scores

@inline function sumLanes(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(
    v128.shuffle<f32>(a, b, 0, 4, 1, 5),
    v128.shuffle<f32>(a, b, 2, 6, 3, 7),
  ); // a0+a2, b0+b2, a1+a3, b1+b3
  const cd = f32x4.add(
    v128.shuffle<f32>(c, d, 0, 4, 1, 5),
    v128.shuffle<f32>(c, d, 2, 6, 3, 7),
  );
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** s = X w + bias for one column. Writes ceil(rows / 4) * 4 floats: `s` needs that room. */
function scoresOne(x: usize, w: usize, s: usize, rows: i32, dp: i32): void {
  const stride = <usize>dp << 2;
  const bias = f32x4.splat(load<f32>(w + stride));
  for (let i = 0; i < rows; i += 4) {
    // Rows past the end repeat the last one; the loss masks their lanes away.
    const last = rows - 1;
    const r0 = x + <usize>i * stride;
    const r1 = x + <usize>min(i + 1, last) * stride;
    const r2 = x + <usize>min(i + 2, last) * stride;
    const r3 = x + <usize>min(i + 3, last) * stride;
    let a = f32x4.splat(0);
    let b = a;
    let c = a;
    let e = a;
    for (let o: usize = 0; o < stride; o += 16) {
      const v = v128.load(w + o);
      a = madd(v128.load(r0 + o), v, a);
      b = madd(v128.load(r1 + o), v, b);
      c = madd(v128.load(r2 + o), v, c);
      e = madd(v128.load(r3 + o), v, e);
    }
    v128.store(s + (<usize>i << 2), f32x4.add(sumLanes(a, b, c, e), bias));
  }
}

/** S = X W + bias for C columns, in blocks of 4 rows x 8 columns held in registers. */
function scoresMany(x: usize, w: usize, s: usize, rows: i32, dp: i32, C: i32): void {
  const xs = <usize>dp << 2;
  const cs = <usize>C << 2;
  const biases = w + <usize>dp * cs;
  let i = 0;
  for (; i + 4 <= rows; i += 4) {
    const x0 = x + <usize>i * xs;
    const x1 = x0 + xs;
    const x2 = x1 + xs;
    const x3 = x2 + xs;
    const s0 = s + <usize>i * cs;
    let c: usize = 0;
    for (; c + 32 <= cs; c += 32) {
      let a0 = v128.load(biases + c);
      let b0 = v128.load(biases + c, 16);
      let a1 = a0, b1 = b0, a2 = a0, b2 = b0, a3 = a0, b3 = b0;
      let p = w + c;
      for (let o: usize = 0; o < xs; o += 4) {
        const wa = v128.load(p);
        const wb = v128.load(p, 16);
        p += cs;
        const v0 = v128.load32_splat(x0 + o);
        a0 = madd(v0, wa, a0);
        b0 = madd(v0, wb, b0);
        const v1 = v128.load32_splat(x1 + o);
        a1 = madd(v1, wa, a1);
        b1 = madd(v1, wb, b1);
        const v2 = v128.load32_splat(x2 + o);
        a2 = madd(v2, wa, a2);
        b2 = madd(v2, wb, b2);
        const v3 = v128.load32_splat(x3 + o);
        a3 = madd(v3, wa, a3);
        b3 = madd(v3, wb, b3);
      }
      let to = s0 + c;
      v128.store(to, a0);
      v128.store(to, b0, 16);
      to += cs;
      v128.store(to, a1);
      v128.store(to, b1, 16);
      to += cs;
      v128.store(to, a2);
      v128.store(to, b2, 16);
      to += cs;
      v128.store(to, a3);
      v128.store(to, b3, 16);
    }
    if (c < cs) {
      let a0 = v128.load(biases + c);
      let a1 = a0, a2 = a0, a3 = a0;
      let p = w + c;
      for (let o: usize = 0; o < xs; o += 4) {
        const wa = v128.load(p);
        p += cs;
        a0 = madd(v128.load32_splat(x0 + o), wa, a0);
        a1 = madd(v128.load32_splat(x1 + o), wa, a1);
        a2 = madd(v128.load32_splat(x2 + o), wa, a2);
        a3 = madd(v128.load32_splat(x3 + o), wa, a3);
      }
      const to = s0 + c;
      v128.store(to, a0);
      v128.store(to + cs, a1);
      v128.store(to + 2 * cs, a2);
      v128.store(to + 3 * cs, a3);
    }
  }
  for (; i < rows; i++) {
    const x0 = x + <usize>i * xs;
    for (let c: usize = 0; c < cs; c += 16) {
      let a = v128.load(biases + c);
      let p = w + c;
      for (let o: usize = 0; o < xs; o += 4) {
        a = madd(v128.load32_splat(x0 + o), v128.load(p), a);
        p += cs;
      }
      v128.store(s + <usize>i * cs + c, a);
    }
  }
}

/** S (rows, C) = X (rows, dp) W + biases. */
export function scores(x: usize, w: usize, s: usize, rows: i32, dp: i32, C: i32): void {
  if (C == 1) scoresOne(x, w, s, rows, dp);
  else scoresMany(x, w, s, rows, dp, C);
}

// ---------------------------------------------------------------- gradient

function gradientOne(x: usize, g: usize, grad: usize, rows: i32, dp: i32): void {
  const xs = <usize>dp << 2;
  let sum: f32 = 0;
  for (let i = 0; i < rows; i++) sum += load<f32>(g + (<usize>i << 2));
  const bias = grad + xs;
  store<f32>(bias, load<f32>(bias) + sum);
  let o: usize = 0;
  for (; o + 64 <= xs; o += 64) {
    let a = v128.load(grad + o);
    let b = v128.load(grad + o, 16);
    let c = v128.load(grad + o, 32);
    let e = v128.load(grad + o, 48);
    let p = x + o;
    for (let i = 0; i < rows; i++) {
      const v = v128.load32_splat(g + (<usize>i << 2));
      a = madd(v, v128.load(p), a);
      b = madd(v, v128.load(p, 16), b);
      c = madd(v, v128.load(p, 32), c);
      e = madd(v, v128.load(p, 48), e);
      p += xs;
    }
    v128.store(grad + o, a);
    v128.store(grad + o, b, 16);
    v128.store(grad + o, c, 32);
    v128.store(grad + o, e, 48);
  }
  for (; o < xs; o += 16) {
    let a = v128.load(grad + o);
    let b = f32x4.splat(0);
    let p = x + o;
    let i = 0;
    for (; i + 2 <= rows; i += 2) {
      a = madd(v128.load32_splat(g + (<usize>i << 2)), v128.load(p), a);
      b = madd(v128.load32_splat(g + (<usize>i << 2), 4), v128.load(p + xs), b);
      p += 2 * xs;
    }
    if (i < rows) a = madd(v128.load32_splat(g + (<usize>i << 2)), v128.load(p), a);
    v128.store(grad + o, f32x4.add(a, b));
  }
}

function gradientMany(x: usize, g: usize, grad: usize, rows: i32, dp: i32, C: i32): void {
  const xs = <usize>dp << 2;
  const cs = <usize>C << 2;
  for (let c: usize = 0; c < cs; c += 16) {
    let sum = v128.load(grad + <usize>dp * cs + c);
    for (let i = 0; i < rows; i++) sum = f32x4.add(sum, v128.load(g + <usize>i * cs + c));
    v128.store(grad + <usize>dp * cs + c, sum);
  }
  for (let o: usize = 0; o < xs; o += 16) {
    const row = grad + (o >> 2) * cs;
    let c: usize = 0;
    for (; c + 32 <= cs; c += 32) {
      let to = row + c;
      let a0 = v128.load(to), b0 = v128.load(to, 16);
      to += cs;
      let a1 = v128.load(to), b1 = v128.load(to, 16);
      to += cs;
      let a2 = v128.load(to), b2 = v128.load(to, 16);
      to += cs;
      let a3 = v128.load(to), b3 = v128.load(to, 16);
      let p = x + o;
      let q = g + c;
      for (let i = 0; i < rows; i++) {
        const ga = v128.load(q);
        const gb = v128.load(q, 16);
        const v0 = v128.load32_splat(p);
        a0 = madd(v0, ga, a0);
        b0 = madd(v0, gb, b0);
        const v1 = v128.load32_splat(p, 4);
        a1 = madd(v1, ga, a1);
        b1 = madd(v1, gb, b1);
        const v2 = v128.load32_splat(p, 8);
        a2 = madd(v2, ga, a2);
        b2 = madd(v2, gb, b2);
        const v3 = v128.load32_splat(p, 12);
        a3 = madd(v3, ga, a3);
        b3 = madd(v3, gb, b3);
        p += xs;
        q += cs;
      }
      to = row + c;
      v128.store(to, a0);
      v128.store(to, b0, 16);
      to += cs;
      v128.store(to, a1);
      v128.store(to, b1, 16);
      to += cs;
      v128.store(to, a2);
      v128.store(to, b2, 16);
      to += cs;
      v128.store(to, a3);
      v128.store(to, b3, 16);
    }
    if (c < cs) {
      const to = row + c;
      let a0 = v128.load(to), a1 = v128.load(to + cs), a2 = v128.load(to + 2 * cs), a3 = v128.load(to + 3 * cs);
      let p = x + o;
      let q = g + c;
      for (let i = 0; i < rows; i++) {
        const ga = v128.load(q);
        a0 = madd(v128.load32_splat(p), ga, a0);
        a1 = madd(v128.load32_splat(p, 4), ga, a1);
        a2 = madd(v128.load32_splat(p, 8), ga, a2);
        a3 = madd(v128.load32_splat(p, 12), ga, a3);
        p += xs;
        q += cs;
      }
      v128.store(to, a0);
      v128.store(to + cs, a1);
      v128.store(to + 2 * cs, a2);
      v128.store(to + 3 * cs, a3);
    }
  }
}

/** grad (dp + 1, C) += [X 1]^T G. */
export function gradient(x: usize, g: usize, grad: usize, rows: i32, dp: i32, C: i32): void {
  if (C == 1) gradientOne(x, g, grad, rows, dp);
  else gradientMany(x, g, grad, rows, dp, C);
}

// ---------------------------------------------------------------- losses

/**
 * Constants of `exp` and of the logistic loss. They are loaded rather than written in place: an engine builds a vector
 * constant anew, by several instructions, wherever it is used.
 * 0: log2(e). 1: 1.5 * 2^23, which rounds to whole numbers when added. 2, 3: ln(2) in two parts, negated.
 * 4-9: polynomial of Cephes `expf`, highest power first. 10: lowest argument.
 */
const CONSTANTS = memory.data<f32>([
  1.44269504, 12582912, -0.693359375, 2.12194440e-4, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
  1.6666665459e-1, 5.0000001201e-1, -86,
]);

@inline function constant(index: usize): v128 {
  return v128.load32_splat(CONSTANTS + (index << 2));
}

/** e^x for x <= 0: Cody-Waite reduction and the degree-5 polynomial of Cephes `expf`; relative error below 2e-7. */
@inline function expNegative(x0: v128): v128 {
  const x = f32x4.pmax(x0, constant(10)); // keeps NaN
  const t = madd(x, constant(0), constant(1)); // the whole number lies in the lowest bits
  const n = f32x4.sub(t, constant(1));
  let r = madd(n, constant(2), x);
  r = madd(n, constant(3), r);
  let p = madd(constant(4), r, constant(5));
  p = madd(p, r, constant(6));
  p = madd(p, r, constant(7));
  p = madd(p, r, constant(8));
  p = madd(p, r, constant(9));
  const one = f32x4.splat(1);
  p = madd(p, f32x4.mul(r, r), f32x4.add(r, one));
  // 2^n by its exponent bits: adding n there multiplies, and n is small enough not to leave them.
  return i32x4.add(p, i32x4.shl(t, 23));
}

@inline function lossOf(kind: i32, s: v128, y: v128, a: v128): v128 {
  const zero = f32x4.splat(0);
  const r = f32x4.sub(s, y);
  if (kind == 0) return f32x4.mul(r, r);
  if (kind == 1) return f32x4.abs(r);
  if (kind == 2) {
    const e = f32x4.pmax(f32x4.sub(f32x4.abs(r), a), zero);
    return f32x4.mul(e, e);
  }
  if (kind == 3) return f32x4.pmax(f32x4.sub(f32x4.abs(r), a), zero);
  if (kind == 4) {
    const u = f32x4.sub(y, s);
    return f32x4.mul(u, v128.bitselect(f32x4.sub(a, f32x4.splat(1)), a, f32x4.lt(u, zero)));
  }
  if (kind == 5) {
    const m = f32x4.abs(r);
    const inner = f32x4.mul(f32x4.splat(0.5), f32x4.mul(r, r));
    const outer = f32x4.mul(a, f32x4.sub(m, f32x4.mul(f32x4.splat(0.5), a)));
    return v128.bitselect(outer, inner, f32x4.gt(m, a));
  }
  // hinge, y in {0, 1}
  const sign = f32x4.sub(f32x4.add(y, y), f32x4.splat(1));
  return f32x4.pmax(f32x4.sub(a, f32x4.mul(sign, s)), zero);
}

@inline function slopeOf(kind: i32, s: v128, y: v128, a: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const r = f32x4.sub(s, y);
  if (kind == 0) return f32x4.add(r, r);
  const signBit = f32x4.splat(-0.0);
  if (kind == 1) return v128.and(v128.or(v128.and(r, signBit), one), f32x4.gt(f32x4.abs(r), zero));
  if (kind == 2) {
    const e = f32x4.pmax(f32x4.sub(f32x4.abs(r), a), zero);
    return v128.or(f32x4.add(e, e), v128.and(r, signBit));
  }
  if (kind == 3) return v128.and(v128.or(v128.and(r, signBit), one), f32x4.gt(f32x4.abs(r), a));
  if (kind == 4) {
    const side = v128.bitselect(f32x4.sub(one, a), f32x4.neg(a), f32x4.gt(r, zero));
    return v128.and(side, f32x4.ne(r, zero));
  }
  if (kind == 5) return f32x4.pmin(f32x4.pmax(r, f32x4.neg(a)), a);
  const sign = f32x4.sub(f32x4.add(y, y), one);
  return v128.and(f32x4.neg(sign), f32x4.gt(f32x4.sub(a, f32x4.mul(sign, s)), zero));
}

@inline function laneMask(rest: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(rest));
}

@inline function addLoss(at: usize, v: v128): void {
  store<f64>(at, load<f64>(at) + <f64>f32x4.extract_lane(v, 0));
  store<f64>(at, load<f64>(at, 8) + <f64>f32x4.extract_lane(v, 1), 8);
  store<f64>(at, load<f64>(at, 16) + <f64>f32x4.extract_lane(v, 2), 16);
  store<f64>(at, load<f64>(at, 24) + <f64>f32x4.extract_lane(v, 3), 24);
}

/** Replaces scores by slopes in place and adds the tile's loss to `losses` (f64 per column; 4 when C = 1). */
@inline function simpleLoss(kind: i32, s: usize, y: usize, rows: i32, C: i32, a: v128, pos: usize, losses: usize): void {
  const half = f32x4.splat(0.5);
  const one = f32x4.splat(1);
  if (C == 1) {
    const weight = v128.load(pos);
    let sum = f32x4.splat(0);
    for (let i = 0; i < rows; i += 4) {
      const at = s + (<usize>i << 2);
      const v = v128.load(at);
      const t = v128.load(y + (<usize>i << 2));
      const mask = laneMask(rows - i);
      let l = lossOf(kind, v, t, a);
      let g = slopeOf(kind, v, t, a);
      if (kind == 7) {
        const f = v128.bitselect(weight, one, f32x4.gt(t, half));
        l = f32x4.mul(l, f);
        g = f32x4.mul(g, f);
      }
      sum = f32x4.add(sum, v128.and(l, mask));
      v128.store(at, v128.and(g, mask));
    }
    addLoss(losses, sum);
    return;
  }
  const cs = <usize>C << 2;
  for (let c: usize = 0; c < cs; c += 16) {
    const weight = v128.load(pos + c);
    let sum = f32x4.splat(0);
    for (let i = 0; i < rows; i++) {
      const at = s + <usize>i * cs + c;
      const v = v128.load(at);
      const t = v128.load32_splat(y + (<usize>i << 2));
      let l = lossOf(kind, v, t, a);
      let g = slopeOf(kind, v, t, a);
      if (kind == 7) {
        const f = v128.bitselect(weight, one, f32x4.gt(t, half));
        l = f32x4.mul(l, f);
        g = f32x4.mul(g, f);
      }
      sum = f32x4.add(sum, l);
      v128.store(at, g);
    }
    addLoss(losses + (c << 1), sum);
  }
}

/** Natural logarithm of finite v >= 1 (NaN stays NaN): Cephes `logf`, relative error below 2e-7. */
function logLanes(v: v128): v128 {
  const one = f32x4.splat(1);
  const half = f32x4.splat(0.5);
  let m = v128.or(v128.and(v, i32x4.splat(0x007fffff)), half); // mantissa in [0.5, 1)
  let e = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_s(v, 23), i32x4.splat(126)));
  const small = f32x4.lt(m, f32x4.splat(0.707106781));
  e = f32x4.sub(e, v128.and(small, one));
  m = f32x4.sub(f32x4.add(m, v128.and(small, m)), one);
  const z = f32x4.mul(m, m);
  let p = madd(f32x4.splat(7.0376836292e-2), m, f32x4.splat(-1.1514610310e-1));
  p = madd(p, m, f32x4.splat(1.1676998740e-1));
  p = madd(p, m, f32x4.splat(-1.2420140846e-1));
  p = madd(p, m, f32x4.splat(1.4249322787e-1));
  p = madd(p, m, f32x4.splat(-1.6668057665e-1));
  p = madd(p, m, f32x4.splat(2.0000714765e-1));
  p = madd(p, m, f32x4.splat(-2.4999993993e-1));
  p = madd(p, m, f32x4.splat(3.3333331174e-1));
  let r = f32x4.mul(f32x4.mul(p, m), z);
  r = madd(e, f32x4.splat(-2.12194440e-4), r);
  r = f32x4.sub(r, f32x4.mul(half, z));
  r = madd(e, f32x4.splat(0.693359375), f32x4.add(m, r));
  return v128.bitselect(r, v, f32x4.eq(v, v));
}

/**
 * Logistic loss of one group of four lanes. sum log(1 + e_i) is taken as log prod (1 + e_i): each factor is in (1, 2],
 * so the product of a tile's 64 factors cannot overflow, and one logarithm serves 64 rows. With weights, positives and
 * negatives have a product each.
 */
@inline function logisticLanes(
  single: bool, weighted: bool, s: usize, y: usize, rows: i32, cs: usize, weight: v128, losses: usize,
): void {
  const half = f32x4.splat(0.5);
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  const signBit = f32x4.splat(-0.0);
  let product = one;
  let plus = one;
  let linear = zero;
  let at = s;
  for (let i = 0; i < rows; i += single ? 4 : 1) {
    const v = v128.load(at);
    const t = single ? v128.load(y + (<usize>i << 2)) : v128.load32_splat(y + (<usize>i << 2));
    const e = expNegative(v128.or(v, signBit)); // e^-|v|
    let q = f32x4.add(one, e);
    const inverse = f32x4.div(one, q);
    const sign = v128.and(v, signBit);
    // sigmoid(v) = 1/2 + sign(v) (1 / (1 + e^-|v|) - 1/2)
    let g = f32x4.add(v128.xor(f32x4.sub(inverse, half), sign), f32x4.sub(half, t));
    // max(-y v, 0) for y in {-1, 1}
    let wrong = f32x4.pmax(v128.xor(v, v128.and(i32x4.shl(t, 2), signBit)), zero);
    if (single) {
      const mask = laneMask(rows - i);
      g = v128.and(g, mask);
      wrong = v128.and(wrong, mask);
      q = v128.bitselect(q, one, mask);
    }
    if (weighted) {
      const positive = f32x4.gt(t, half);
      const f = v128.bitselect(weight, one, positive);
      g = f32x4.mul(g, f);
      wrong = f32x4.mul(wrong, f);
      plus = f32x4.mul(plus, v128.bitselect(q, one, positive));
      q = v128.bitselect(one, q, positive);
    }
    linear = f32x4.add(linear, wrong);
    product = f32x4.mul(product, q);
    v128.store(at, g);
    at += single ? 16 : cs;
  }
  let total = f32x4.add(linear, logLanes(product));
  if (weighted) total = f32x4.add(total, f32x4.mul(weight, logLanes(plus)));
  addLoss(losses, total);
}

function logisticLoss(s: usize, y: usize, rows: i32, C: i32, pos: usize, losses: usize): void {
  const cs = <usize>C << 2;
  const one = f32x4.splat(1);
  for (let c: usize = 0; c < cs; c += 16) {
    const weight = v128.load(pos + c);
    const to = losses + (c << 1);
    if (v128.any_true(f32x4.ne(weight, one))) {
      if (C == 1) logisticLanes(true, true, s, y, rows, cs, weight, to);
      else logisticLanes(false, true, s + c, y, rows, cs, weight, to);
    } else if (C == 1) logisticLanes(true, false, s, y, rows, cs, weight, to);
    else logisticLanes(false, false, s + c, y, rows, cs, weight, to);
  }
}

/**
 * Softmax cross entropy for models of `kpad` columns each. `mask` holds 0 for a class and -1e30 for a padding column.
 * The loss of a model is added at its first column's slot.
 */
function softmaxLoss(s: usize, y: usize, rows: i32, C: i32, kpad: i32, mask: usize, classWeights: usize, losses: usize): void {
  const ks = <usize>kpad << 2;
  const cs = <usize>C << 2;
  for (let i = 0; i < rows; i++) {
    const label = <i32>load<f32>(y + (<usize>i << 2));
    const weight: f32 = classWeights ? load<f32>(classWeights + (<usize>label << 2)) : 1;
    for (let c: usize = 0; c < cs; c += ks) {
      const at = s + <usize>i * cs + c;
      let top = f32x4.add(v128.load(at), v128.load(mask));
      for (let o: usize = 16; o < ks; o += 16) top = f32x4.pmax(f32x4.add(v128.load(at + o), v128.load(mask + o)), top);
      const m = max(
        max(f32x4.extract_lane(top, 0), f32x4.extract_lane(top, 1)),
        max(f32x4.extract_lane(top, 2), f32x4.extract_lane(top, 3)),
      );
      const highest = f32x4.splat(m);
      const own = load<f32>(at + (<usize>label << 2));
      let total = f32x4.splat(0);
      for (let o: usize = 0; o < ks; o += 16) {
        const e = expNegative(f32x4.sub(f32x4.add(v128.load(at + o), v128.load(mask + o)), highest));
        total = f32x4.add(total, e);
        v128.store(at + o, e);
      }
      const sum = f32x4.extract_lane(total, 0) + f32x4.extract_lane(total, 1) + f32x4.extract_lane(total, 2) + f32x4.extract_lane(total, 3);
      const factor = f32x4.splat(weight / sum);
      for (let o: usize = 0; o < ks; o += 16) v128.store(at + o, f32x4.mul(v128.load(at + o), factor));
      const mine = at + (<usize>label << 2);
      store<f32>(mine, load<f32>(mine) - weight);
      const slot = losses + (c << 1);
      store<f64>(slot, load<f64>(slot) + <f64>weight * (<f64>m - <f64>own + Math.log(<f64>sum)));
    }
  }
}

/** Turns a tile's scores into slopes in place and adds its loss per column. */
export function loss(
  kind: i32, s: usize, y: usize, rows: i32, C: i32, a: f32, pos: usize, losses: usize, kpad: i32, mask: usize, classWeights: usize,
): void {
  const v = f32x4.splat(a);
  if (kind == 0) simpleLoss(0, s, y, rows, C, v, pos, losses);
  else if (kind == 1) simpleLoss(1, s, y, rows, C, v, pos, losses);
  else if (kind == 2) simpleLoss(2, s, y, rows, C, v, pos, losses);
  else if (kind == 3) simpleLoss(3, s, y, rows, C, v, pos, losses);
  else if (kind == 4) simpleLoss(4, s, y, rows, C, v, pos, losses);
  else if (kind == 5) simpleLoss(5, s, y, rows, C, v, pos, losses);
  else if (kind == 6) logisticLoss(s, y, rows, C, pos, losses);
  else if (kind == 7) simpleLoss(7, s, y, rows, C, v, pos, losses);
  else softmaxLoss(s, y, rows, C, kpad, mask, classWeights, losses);
}

// ---------------------------------------------------------------- optimisers

/** Updates `count` (multiple of 4) weights from `at`, the first of which is in the column at byte `lane`. */
function updateSpan(p: usize, at: usize, count: i32, C: i32, inverseRows: f32, isBias: bool, lane: usize): void {
  const w = load<usize>(p + P_W) + at;
  const s1 = load<usize>(p + P_S1) + at;
  const s2 = load<usize>(p + P_S2) + at;
  const grads = load<usize>(p + P_GRADS) + at;
  const gradBytes = load<usize>(p + P_GRAD_BYTES);
  const chunks = load<i32>(p + P_CHUNKS);
  const optimizer = load<i32>(p + P_OPTIMIZER);
  const beta1 = f32x4.splat(load<f32>(p + P_BETA1));
  const beta2 = f32x4.splat(load<f32>(p + P_BETA2));
  const rest1 = f32x4.splat(1 - load<f32>(p + P_BETA1));
  const rest2 = f32x4.splat(1 - load<f32>(p + P_BETA2));
  const momentum = f32x4.splat(load<f32>(p + P_MOMENTUM));
  const epsilon = f32x4.splat(load<f32>(p + P_EPSILON));
  const correction = f32x4.splat(<f32>(Math.sqrt(1 - load<f64>(p + P_BETA2_T)) / (1 - load<f64>(p + P_BETA1_T))));
  const lrs = load<usize>(p + P_LR);
  const l1s = load<usize>(p + P_L1);
  const wds = load<usize>(p + P_WD);
  const lrMult = f32x4.splat(isBias ? load<f32>(p + P_BIAS_LR) : 1);
  const wdMult = f32x4.splat(isBias ? load<f32>(p + P_BIAS_WD) : 1);
  const zero = f32x4.splat(0);
  const scale = f32x4.splat(inverseRows);
  for (let k = 0; k < count; k += 4) {
    const o = <usize>k << 2;
    const h = C == 1 ? 0 : lane + o;
    let g = v128.load(grads + o);
    for (let chunk = 1; chunk < chunks; chunk++) g = f32x4.add(g, v128.load(grads + <usize>chunk * gradBytes + o));
    const old = v128.load(w + o);
    g = madd(f32x4.mul(v128.load(wds + h), wdMult), old, f32x4.mul(g, scale));
    const lr = f32x4.mul(v128.load(lrs + h), lrMult);
    let next: v128;
    if (optimizer == 0) {
      const m = madd(beta1, v128.load(s1 + o), f32x4.mul(rest1, g));
      const v = madd(beta2, v128.load(s2 + o), f32x4.mul(rest2, f32x4.mul(g, g)));
      v128.store(s1 + o, m);
      v128.store(s2 + o, v);
      next = f32x4.sub(old, f32x4.div(f32x4.mul(f32x4.mul(lr, correction), m), f32x4.add(f32x4.sqrt(v), epsilon)));
    } else if (optimizer == 1) {
      const m = f32x4.sub(f32x4.mul(momentum, v128.load(s1 + o)), f32x4.mul(lr, g));
      v128.store(s1 + o, m);
      next = f32x4.add(old, m);
    } else {
      const v = madd(beta2, v128.load(s2 + o), f32x4.mul(rest2, f32x4.mul(g, g)));
      v128.store(s2 + o, v);
      next = f32x4.sub(old, f32x4.div(f32x4.mul(lr, g), f32x4.sqrt(f32x4.add(v, epsilon))));
    }
    if (!isBias) {
      // Proximal step of the l1 penalty: shrink towards zero by lr * l1.
      const shrink = f32x4.mul(lr, v128.load(l1s + h));
      const size = f32x4.pmax(f32x4.sub(f32x4.abs(next), shrink), zero);
      const shrunk = v128.or(size, v128.and(next, f32x4.splat(-0.0)));
      next = v128.bitselect(shrunk, next, f32x4.gt(shrink, zero));
    }
    v128.store(w + o, next);
  }
}

function updateSlice(p: usize, rows: i32, thread: i32, threads: i32): void {
  const dp = load<i32>(p + P_DP);
  const C = load<i32>(p + P_C);
  const inverse: f32 = <f32>(1.0 / <f64>rows);
  const useBias = load<i32>(p + P_USE_BIAS) != 0;
  if (C == 1) {
    if (thread != 0) return;
    updateSpan(p, 0, dp, C, inverse, false, 0);
    if (useBias) updateSpan(p, <usize>dp << 2, 4, C, inverse, true, 0);
    return;
  }
  const first = <i32>((<i64>dp * thread) / threads);
  const last = <i32>((<i64>dp * (thread + 1)) / threads);
  const cs = <usize>C << 2;
  for (let r = first; r < last; r++) updateSpan(p, <usize>r * cs, C, C, inverse, false, 0);
  if (useBias && thread == threads - 1) updateSpan(p, <usize>dp * cs, C, C, inverse, true, 0);
}

/** One tick of MXNet's FactorScheduler per column: every `step` updates lr falls by `factor`, never below the minimum. */
function tick(p: usize): void {
  const columns = max(load<i32>(p + P_C), 4);
  const lr = load<usize>(p + P_LR);
  const low = load<usize>(p + P_LR_MIN);
  const factor = load<usize>(p + P_LR_FACTOR);
  const step = load<usize>(p + P_LR_STEP);
  const count = load<usize>(p + P_LR_COUNT);
  for (let c = 0; c < columns; c++) {
    const o = <usize>c << 2;
    const every = load<i32>(step + o);
    if (every <= 0) continue;
    const seen = load<i32>(count + o) + 1;
    if (seen > every) {
      store<i32>(count + o, 1);
      const lower = load<f32>(lr + o) * load<f32>(factor + o);
      if (load<f32>(lr + o) > load<f32>(low + o)) store<f32>(lr + o, max(lower, load<f32>(low + o)));
    } else store<i32>(count + o, seen);
  }
  store<f64>(p + P_BETA1_T, load<f64>(p + P_BETA1_T) * <f64>load<f32>(p + P_BETA1));
  store<f64>(p + P_BETA2_T, load<f64>(p + P_BETA2_T) * <f64>load<f32>(p + P_BETA2));
}

// ---------------------------------------------------------------- the loop

/**
 * Passes over the rows in mini-batches. Mode 0 trains; mode 1 only adds losses and, where P_OUT is set, writes scores.
 * Every thread calls this with the same block.
 */
function run(control: usize, p: usize, thread: i32, threads: i32): void {
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

// ---------------------------------------------------------------- sparse rows

/** S (rows, width) = X W + bias for the columns from byte `c0` on; `width` is a multiple of 4. */
function scoresSparse(p: usize, first: i32, rows: i32, s: usize, c0: usize, width: usize): void {
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
function gradientSparse(p: usize, first: i32, rows: i32, s: usize, c0: usize, width: usize, stamp: i32, stamps: usize, touched: usize): i32 {
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
function runSparse(control: usize, p: usize, thread: i32, threads: i32): void {
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
  const tile = load<usize>(p + P_TILES) + <usize>thread * load<usize>(p + P_TILE_BYTES);
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

/** Applies one update from the gradients in place; for tests against the twin. */
export function update(p: usize, rows: i32): void {
  tick(p);
  updateSlice(p, rows, 0, 1);
}
