import { madd } from "../../../numerics/parts/vectors.as";
import {
  address,
  integer,
  P_BIAS,
  P_COLUMNS,
  P_LABELS,
  P_LOSS,
  P_LOSSES,
  P_OFFSETS,
  P_SCORES,
  P_SLOPES,
  P_STRIDE,
  P_SUMS,
  P_VALUES,
  P_WEIGHTS,
} from "./parameters.as";

/**
 * s = sum of x_i w_i over a row's entries for `n` vectors of four lanes (n is 1 to 4, a constant where this is inlined).
 * @returns s * s - sum of (x_i w_i)^2, all vectors added up; of the first vector only the lanes in `mask`.
 */
// @ts-ignore: decorator
@inline
function sumEntries(n: i32, columns: usize, values: usize, count: usize, weights: usize, strideBytes: usize, to: usize, mask: v128): v128 {
  const zero = f32x4.splat(0);
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero;
  let q0 = zero, q1 = zero, q2 = zero, q3 = zero;
  for (let e: usize = 0; e < count; e += 4) {
    const row = weights + <usize>load<u32>(columns + e) * strideBytes;
    const x = v128.load32_splat(values + e);
    const a0 = f32x4.mul(x, v128.load(row));
    s0 = f32x4.add(s0, a0);
    q0 = madd(a0, a0, q0);
    if (n > 1) {
      const a1 = f32x4.mul(x, v128.load(row, 16));
      s1 = f32x4.add(s1, a1);
      q1 = madd(a1, a1, q1);
    }
    if (n > 2) {
      const a2 = f32x4.mul(x, v128.load(row, 32));
      s2 = f32x4.add(s2, a2);
      q2 = madd(a2, a2, q2);
    }
    if (n > 3) {
      const a3 = f32x4.mul(x, v128.load(row, 48));
      s3 = f32x4.add(s3, a3);
      q3 = madd(a3, a3, q3);
    }
  }
  v128.store(to, s0);
  let pairs = v128.and(f32x4.sub(f32x4.mul(s0, s0), q0), mask);
  if (n > 1) {
    v128.store(to, s1, 16);
    pairs = f32x4.add(pairs, f32x4.sub(f32x4.mul(s1, s1), q1));
  }
  if (n > 2) {
    v128.store(to, s2, 32);
    pairs = f32x4.add(pairs, f32x4.sub(f32x4.mul(s2, s2), q2));
  }
  if (n > 3) {
    v128.store(to, s3, 48);
    pairs = f32x4.add(pairs, f32x4.sub(f32x4.mul(s3, s3), q3));
  }
  return pairs;
}

/** Sums of one row, and its linear and pair terms added up. Lane 0 is the linear weight, which has no pairs. */
function scoreRow(columns: usize, values: usize, count: usize, weights: usize, strideBytes: usize, to: usize): f32 {
  const factors = i32x4(0, -1, -1, -1);
  const all = i32x4.splat(-1);
  let pairs = f32x4.splat(0);
  for (let o: usize = 0; o < strideBytes; o += 64) {
    const left = strideBytes - o;
    const mask = o == 0 ? factors : all;
    const w = weights + o;
    let own: v128;
    if (left >= 64) own = sumEntries(4, columns, values, count, w, strideBytes, to + o, mask);
    else if (left == 48) own = sumEntries(3, columns, values, count, w, strideBytes, to + o, mask);
    else if (left == 32) own = sumEntries(2, columns, values, count, w, strideBytes, to + o, mask);
    else own = sumEntries(1, columns, values, count, w, strideBytes, to + o, mask);
    pairs = f32x4.add(pairs, own);
  }
  const pairTerm =
    f32x4.extract_lane(pairs, 0) +
    f32x4.extract_lane(pairs, 1) +
    (f32x4.extract_lane(pairs, 2) + f32x4.extract_lane(pairs, 3));
  return load<f32>(to) + <f32>0.5 * pairTerm;
}

/** Scores rows: sums, score, loss and its slope by the score. */
export function scoreRows(p: usize, first: i32, end: i32): void {
  const strideBytes = <usize>integer(p, P_STRIDE) << 2;
  const isLogistic = integer(p, P_LOSS) == 1;
  const offsets = address(p, P_OFFSETS);
  const columns = address(p, P_COLUMNS);
  const values = address(p, P_VALUES);
  const weights = address(p, P_WEIGHTS);
  const bias = load<f32>(address(p, P_BIAS));
  for (let i = first; i < end; i++) {
    const place = <usize>i << 2;
    const from = <usize>load<u32>(offsets + place) << 2;
    const count = (<usize>load<u32>(offsets + place, 4) << 2) - from;
    const sums = address(p, P_SUMS) + <usize>i * strideBytes;
    const score = bias + scoreRow(columns + from, values + from, count, weights, strideBytes, sums);
    // The linear weight's gradient is x alone, a factor's x times its sum: as if the linear term's sum were 1.
    store<f32>(sums, 1);
    store<f32>(address(p, P_SCORES) + place, score);
    const label = load<f32>(address(p, P_LABELS) + place);
    let slope: f32;
    let loss: f32;
    if (isLogistic) {
      const y = <f64>score;
      const e = Math.exp(-Math.abs(y));
      const probability = y >= 0 ? 1 / (1 + e) : e / (1 + e);
      slope = <f32>(probability - <f64>label);
      // log(1 + e^-y) of a row labelled 1, log(1 + e^y) of one labelled 0
      loss = <f32>(Math.log1p(e) + Math.max(label == 1 ? -y : y, 0));
    } else {
      slope = score - label;
      loss = slope * slope;
    }
    store<f32>(address(p, P_SLOPES) + place, slope);
    store<f32>(address(p, P_LOSSES) + place, loss);
  }
}
