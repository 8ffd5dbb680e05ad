import { madd } from "../../../numerics/parts/vectors.as";

@inline export function sumLanes(a: v128, b: v128, c: v128, d: v128): v128 {
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
export function scoresOne(x: usize, w: usize, s: usize, rows: i32, dp: i32): void {
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
export function scoresMany(x: usize, w: usize, s: usize, rows: i32, dp: i32, C: i32): void {
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
