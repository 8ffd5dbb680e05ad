import { expNegative } from "./exponentials.as";

/**
 * Softmax cross entropy for models of `kpad` columns each. `mask` holds 0 for a class and -1e30 for a padding column.
 * The loss of a model is added at its first column's slot.
 */
export function softmaxLoss(s: usize, y: usize, rows: i32, C: i32, kpad: i32, mask: usize, classWeights: usize, losses: usize): void {
  const ks = <usize>kpad << 2;
  const cs = <usize>C << 2;
  for (let i = 0; i < rows; i++) {
    const label = <i32>load<f32>(y + (<usize>i << 2));
    const weight: f32 = classWeights ? load<f32>(classWeights + (<usize>label << 2)) : 1;
    for (let c: usize = 0; c < cs; c += ks) {
      const at = s + <usize>i * cs + c;
      let top = f32x4.add(v128.load(at), v128.load(mask));
      for (let o: usize = 16; o < ks; o += 16) top = f32x4.pmax(f32x4.add(v128.load(at + o), v128.load(mask + o)), top);
      const m = max(
        max(f32x4.extract_lane(top, 0), f32x4.extract_lane(top, 1)),
        max(f32x4.extract_lane(top, 2), f32x4.extract_lane(top, 3)),
      );
      const highest = f32x4.splat(m);
      const own = load<f32>(at + (<usize>label << 2));
      let total = f32x4.splat(0);
      for (let o: usize = 0; o < ks; o += 16) {
        const e = expNegative(f32x4.sub(f32x4.add(v128.load(at + o), v128.load(mask + o)), highest));
        total = f32x4.add(total, e);
        v128.store(at + o, e);
      }
      const sum = f32x4.extract_lane(total, 0) + f32x4.extract_lane(total, 1) + f32x4.extract_lane(total, 2) + f32x4.extract_lane(total, 3);
      const factor = f32x4.splat(weight / sum);
      for (let o: usize = 0; o < ks; o += 16) v128.store(at + o, f32x4.mul(v128.load(at + o), factor));
      const mine = at + (<usize>label << 2);
      store<f32>(mine, load<f32>(mine) - weight);
      const slot = losses + (c << 1);
      store<f64>(slot, load<f64>(slot) + <f64>weight * (<f64>m - <f64>own + Math.log(<f64>sum)));
    }
  }
}
