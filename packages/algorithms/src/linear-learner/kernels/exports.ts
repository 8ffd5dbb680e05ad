import type { PoolExports } from "../../numerics/kernel-pool.ts";

/** What linear-learner.as.ts exports. Arguments are addresses unless they are counts or settings. */
export interface LinearKernels extends PoolExports {
  stage(from: number, to: number, rows: number, width: number, stride: number, shift: number, scale: number): void;
  scores(x: number, w: number, s: number, rows: number, stride: number, columns: number): void;
  gradient(x: number, g: number, grad: number, rows: number, stride: number, columns: number): void;
  loss(
    kind: number,
    s: number,
    y: number,
    rows: number,
    columns: number,
    parameter: number,
    positiveWeights: number,
    losses: number,
    columnsPerModel: number,
    mask: number,
    classWeights: number,
  ): void;
  update(parameters: number, rows: number): void;
}
