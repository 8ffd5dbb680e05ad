import { madd } from "../../../numerics/parts/vectors.as";
import { ownedEntries } from "./buckets.as";
import {
  address,
  BUCKET,
  firstRow,
  integer,
  P_BIAS,
  P_BIAS_DECAY,
  P_BIAS_RATE,
  P_BUCKETS,
  P_CLIP,
  P_CORRECTION,
  P_COUNTS,
  P_DECAYS,
  P_EPSILON,
  P_GRADIENTS,
  P_MOMENTS,
  P_OFFSETS,
  P_RATES,
  P_ROWS,
  P_SCALE,
  P_SLOPES,
  P_SLOTS,
  P_SQUARES,
  P_STAMP,
  P_STRIDE,
  P_SUMS,
  P_TOUCHED,
  P_WEIGHTS,
  P_WIDTH,
  pitchOf,
} from "./parameters.as";

/** Decay of Adam's moments; the twin has them too. */
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;

/**
 * Adds up the gradients of a thread's features, of those that occur only. With s the sums of a row, g its slope and x
 * the feature's value, a factor's gradient is sum g x s - v sum g x^2: `gradients` and `squares` have the two sums.
 * @returns How many features occur; they are listed in `touched` from `base` on.
 */
function addGradients(p: usize, base: u32, thread: i32, threads: i32): u32 {
  const rows = integer(p, P_ROWS);
  const strideBytes = <usize>integer(p, P_STRIDE) << 2;
  const stamp = integer(p, P_STAMP);
  const slots = address(p, P_SLOTS);
  const gradients = address(p, P_GRADIENTS);
  const squares = address(p, P_SQUARES);
  const touched = address(p, P_TOUCHED);
  const slopes = address(p, P_SLOPES);
  const sums = address(p, P_SUMS);
  const counts = address(p, P_COUNTS);
  let next = base;
  for (let r = 0; r < threads; r++) {
    let at = load<u32>(address(p, P_OFFSETS) + (<usize>firstRow(rows, r, threads) << 2));
    const sizes = counts + <usize>r * pitchOf(threads);
    for (let o: usize = 0; o < <usize>thread; o++) at += load<u32>(sizes + (o << 2));
    const size = load<u32>(sizes + (<usize>thread << 2));
    let entry = address(p, P_BUCKETS) + <usize>at * BUCKET;
    const end = entry + <usize>size * BUCKET;
    for (; entry < end; entry += BUCKET) {
      const column = <usize>load<u32>(entry);
      const row = <usize>load<i32>(entry, 4);
      const x = load<f32>(entry, 8);
      const slot = slots + (column << 3);
      const gx = load<f32>(slopes + (row << 2)) * x;
      const scale = f32x4.splat(gx);
      const s = sums + row * strideBytes;
      if (load<i32>(slot) != stamp) {
        store<i32>(slot, stamp);
        store<u32>(slot, next, 4);
        store<u32>(touched + (<usize>next << 2), <u32>column);
        store<f32>(squares + (<usize>next << 2), gx * x);
        const g = gradients + <usize>next * strideBytes;
        for (let o: usize = 0; o < strideBytes; o += 16) v128.store(g + o, f32x4.mul(scale, v128.load(s + o)));
        next++;
        continue;
      }
      const place = <usize>load<u32>(slot, 4);
      const square = squares + (place << 2);
      store<f32>(square, load<f32>(square) + gx * x);
      const g = gradients + place * strideBytes;
      for (let o: usize = 0; o < strideBytes; o += 16) v128.store(g + o, madd(scale, v128.load(s + o), v128.load(g + o)));
    }
  }
  return next - base;
}

/** Features whose memory is asked for at a time. */
const AHEAD: u32 = 16;
/** Where what was asked for goes, so that the compiler does not leave it out. */
let touchedBits: i32 = 0;

/**
 * Loads a little of what a few features have. These loads wait for memory side by side, where the steps that follow, long
 * as they are, would wait one after the other.
 */
function fetchFeatures(p: usize, from: u32, to: u32, strideBytes: usize): void {
  const touched = address(p, P_TOUCHED);
  const weights = address(p, P_WEIGHTS);
  const moments = address(p, P_MOMENTS);
  let bits: i32 = 0;
  for (let k = from; k < to; k++) {
    const at = <usize>load<u32>(touched + (<usize>k << 2)) * strideBytes;
    const own = moments + (at << 1);
    bits |= load<i32>(weights + at) | load<i32>(own) | load<i32>(own + strideBytes);
  }
  touchedBits = bits;
}

/** One step of Adam for the features that occur in a mini-batch and belong to a thread. */
export function updateFeatures(p: usize, thread: i32, threads: i32): void {
  const strideBytes = <usize>integer(p, P_STRIDE) << 2;
  const width = <u32>integer(p, P_WIDTH);
  let base: u32 = 0;
  for (let o = 0; o < thread; o++) base += min(ownedEntries(p, o, threads), width);
  const count = addGradients(p, base, thread, threads);
  const scale = f32x4.splat(load<f32>(p + P_SCALE));
  const clip = f32x4.splat(load<f32>(p + P_CLIP));
  const low = f32x4.neg(clip);
  const epsilon = f32x4.splat(load<f32>(p + P_EPSILON));
  const correction = f32x4.splat(load<f32>(p + P_CORRECTION));
  const beta1 = f32x4.splat(BETA1);
  const rest1 = f32x4.splat(1 - BETA1);
  const beta2 = f32x4.splat(BETA2);
  const rest2 = f32x4.splat(1 - BETA2);
  const rates = address(p, P_RATES);
  const decays = address(p, P_DECAYS);
  const factors = i32x4(0, -1, -1, -1);
  const all = i32x4.splat(-1);
  const end = base + count;
  for (let k = base; k < end; k++) {
    if (((k - base) & (AHEAD - 1)) == 0) fetchFeatures(p, k, min(k + AHEAD, end), strideBytes);
    const column = <usize>load<u32>(address(p, P_TOUCHED) + (<usize>k << 2));
    const square = v128.load32_splat(address(p, P_SQUARES) + (<usize>k << 2));
    const gradient = address(p, P_GRADIENTS) + <usize>k * strideBytes;
    const weight = address(p, P_WEIGHTS) + column * strideBytes;
    const first = address(p, P_MOMENTS) + ((column * strideBytes) << 1);
    const second = first + strideBytes;
    for (let o: usize = 0; o < strideBytes; o += 16) {
      const old = v128.load(weight + o);
      const own = v128.and(f32x4.mul(square, old), o == 0 ? factors : all);
      let g = f32x4.mul(f32x4.sub(v128.load(gradient + o), own), scale);
      g = madd(v128.load(decays + o), old, g);
      g = f32x4.pmin(f32x4.pmax(g, low), clip); // in this order NaN stays NaN, and is seen
      const m = madd(beta1, v128.load(first + o), f32x4.mul(rest1, g));
      const v = madd(beta2, v128.load(second + o), f32x4.mul(rest2, f32x4.mul(g, g)));
      v128.store(first + o, m);
      v128.store(second + o, v);
      const step = f32x4.div(f32x4.mul(f32x4.mul(v128.load(rates + o), correction), m), f32x4.add(f32x4.sqrt(v), epsilon));
      v128.store(weight + o, f32x4.sub(old, step));
    }
  }
}

/** The same step for the bias, whose value and moments lie side by side. */
export function updateBias(p: usize): void {
  const slopes = address(p, P_SLOPES);
  let sum: f64 = 0;
  for (let i = 0; i < integer(p, P_ROWS); i++) sum += <f64>load<f32>(slopes + (<usize>i << 2));
  const bias = address(p, P_BIAS);
  const clip = load<f32>(p + P_CLIP);
  const old = load<f32>(bias);
  const wanted = <f32>sum * load<f32>(p + P_SCALE) + load<f32>(p + P_BIAS_DECAY) * old;
  const g = min(max(wanted, -clip), clip);
  const m = BETA1 * load<f32>(bias, 4) + (1 - BETA1) * g;
  const v = BETA2 * load<f32>(bias, 8) + (1 - BETA2) * g * g;
  store<f32>(bias, m, 4);
  store<f32>(bias, v, 8);
  const rate = load<f32>(p + P_BIAS_RATE) * load<f32>(p + P_CORRECTION);
  store<f32>(bias, old - (rate * m) / (<f32>Math.sqrt(v) + load<f32>(p + P_EPSILON)));
}
