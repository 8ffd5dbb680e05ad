import { madd } from "../../../numerics/parts/vectors.as";

/**
 * Constants of `exp` and of the logistic loss. They are loaded rather than written in place: an engine builds a vector
 * constant anew, by several instructions, wherever it is used.
 * 0: log2(e). 1: 1.5 * 2^23, which rounds to whole numbers when added. 2, 3: ln(2) in two parts, negated.
 * 4-9: polynomial of Cephes `expf`, highest power first. 10: lowest argument.
 */
export const CONSTANTS = memory.data<f32>([
  1.44269504, 12582912, -0.693359375, 2.12194440e-4, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
  1.6666665459e-1, 5.0000001201e-1, -86,
]);

@inline export function constant(index: usize): v128 {
  return v128.load32_splat(CONSTANTS + (index << 2));
}

/** e^x for x <= 0: Cody-Waite reduction and the degree-5 polynomial of Cephes `expf`; relative error below 2e-7. */
@inline export function expNegative(x0: v128): v128 {
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

/** Natural logarithm of finite v >= 1 (NaN stays NaN): Cephes `logf`, relative error below 2e-7. */
export function logLanes(v: v128): v128 {
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
