import { logisticLoss } from "./logistic-loss.as";
import { simpleLoss } from "./simple-losses.as";
import { softmaxLoss } from "./softmax-loss.as";

/** Turns a tile's scores into slopes in place and adds its loss per column. */
export function loss(
  kind: i32, s: usize, y: usize, rows: i32, C: i32, a: f32, pos: usize, losses: usize, kpad: i32, mask: usize, classWeights: usize,
): void {
  const v = f32x4.splat(a);
  if (kind == 0) simpleLoss(0, s, y, rows, C, v, pos, losses);
  else if (kind == 1) simpleLoss(1, s, y, rows, C, v, pos, losses);
  else if (kind == 2) simpleLoss(2, s, y, rows, C, v, pos, losses);
  else if (kind == 3) simpleLoss(3, s, y, rows, C, v, pos, losses);
  else if (kind == 4) simpleLoss(4, s, y, rows, C, v, pos, losses);
  else if (kind == 5) simpleLoss(5, s, y, rows, C, v, pos, losses);
  else if (kind == 6) logisticLoss(s, y, rows, C, pos, losses);
  else if (kind == 7) simpleLoss(7, s, y, rows, C, v, pos, losses);
  else softmaxLoss(s, y, rows, C, kpad, mask, classWeights, losses);
}
