/** Adds four lanes to four f64 sums. */
@inline export function addLoss(at: usize, v: v128): void {
  store<f64>(at, load<f64>(at) + <f64>f32x4.extract_lane(v, 0));
  store<f64>(at, load<f64>(at, 8) + <f64>f32x4.extract_lane(v, 1), 8);
  store<f64>(at, load<f64>(at, 16) + <f64>f32x4.extract_lane(v, 2), 16);
  store<f64>(at, load<f64>(at, 24) + <f64>f32x4.extract_lane(v, 3), 24);
}
