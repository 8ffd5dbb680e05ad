/** a * b + c per lane, in one instruction where the processor has it. */
@inline export function madd(a: v128, b: v128, c: v128): v128 {
  return f32x4.relaxed_madd(a, b, c);
}

/** Lanes below `rest` are all ones. */
@inline export function laneMask(rest: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(rest));
}
