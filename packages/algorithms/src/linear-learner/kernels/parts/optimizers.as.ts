import {
  P_BETA1,
  P_BETA1_T,
  P_BETA2,
  P_BETA2_T,
  P_BIAS_LR,
  P_BIAS_WD,
  P_C,
  P_CHUNKS,
  P_DP,
  P_EPSILON,
  P_GRADS,
  P_GRAD_BYTES,
  P_L1,
  P_LR,
  P_LR_COUNT,
  P_LR_FACTOR,
  P_LR_MIN,
  P_LR_STEP,
  P_MOMENTUM,
  P_OPTIMIZER,
  P_S1,
  P_S2,
  P_USE_BIAS,
  P_W,
  P_WD,
} from "./parameters.as";
import { madd } from "../../../numerics/parts/vectors.as";

/** Updates `count` (multiple of 4) weights from `at`, the first of which is in the column at byte `lane`. */
export function updateSpan(p: usize, at: usize, count: i32, C: i32, inverseRows: f32, isBias: bool, lane: usize): void {
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

export function updateSlice(p: usize, rows: i32, thread: i32, threads: i32): void {
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
export function tick(p: usize): void {
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
