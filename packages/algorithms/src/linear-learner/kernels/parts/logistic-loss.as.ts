import { expNegative, logLanes } from "./exponentials.as";
import { addLoss } from "./loss-sums.as";
import { laneMask } from "../../../numerics/parts/vectors.as";

/**
 * Logistic loss of one group of four lanes. sum log(1 + e_i) is taken as log prod (1 + e_i): each factor is in (1, 2],
 * so the product of a tile's 64 factors cannot overflow, and one logarithm serves 64 rows. With weights, positives and
 * negatives have a product each.
 */
@inline export function logisticLanes(
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

export function logisticLoss(s: usize, y: usize, rows: i32, C: i32, pos: usize, losses: usize): void {
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
