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
export function stageSlice(q: usize, thread: i32, threads: i32): void {
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
