import { addLoss } from "./loss-sums.as";
import { laneMask } from "../../../numerics/parts/vectors.as";

@inline export function lossOf(kind: i32, s: v128, y: v128, a: v128): v128 {
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

@inline export function slopeOf(kind: i32, s: v128, y: v128, a: v128): v128 {
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

/** Replaces scores by slopes in place and adds the tile's loss to `losses` (f64 per column; 4 when C = 1). */
@inline export function simpleLoss(kind: i32, s: usize, y: usize, rows: i32, C: i32, a: v128, pos: usize, losses: usize): void {
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
