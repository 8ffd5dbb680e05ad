import { madd } from "../../../numerics/parts/vectors.as";

export function gradientOne(x: usize, g: usize, grad: usize, rows: i32, dp: i32): void {
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

export function gradientMany(x: usize, g: usize, grad: usize, rows: i32, dp: i32, C: i32): void {
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
