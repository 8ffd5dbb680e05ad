import type { Candidate } from "./candidates.ts";
import type { Geometry } from "./geometry.ts";
import { ceil4 } from "./geometry.ts";
import type { ColumnState, LossSetting, OptimizerSetting } from "./plain-kernels.ts";
import type { Scaling } from "./scaling.ts";
import type { Split } from "./split.ts";

/** What every learner is made from. */
export interface LearnerPlan {
  readonly geometry: Geometry;
  readonly batch: number;
  readonly scaling: Scaling;
  readonly loss: LossSetting;
  readonly optimizer: OptimizerSetting;
  readonly useBias: boolean;
}

/** Everything that training changes: enough to go on from, or to go back to. */
export interface LearnerState {
  /** Shape (stride + 1, columns), the biases last. */
  readonly weights: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
  readonly columns: ColumnState;
  /** Powers of adam's betas so far: [beta1^t, beta2^t]. */
  readonly betaPowers: Float64Array;
}

/** Takes blocks of scores, shape (rows, columns), and the rows' labels, valid during the call only. */
export type ScoreVisitor = (scores: Float32Array, labels: Float32Array, firstRow: number, rows: number) => void;

/** Trains all models of a plan in one pass over the same mini-batches. */
export interface Learner {
  readonly state: LearnerState;
  /**
   * One pass over the training rows, up to where the signal stops it.
   * @returns Mean loss per model, as seen while the weights were moving, in scaled units.
   * @throws The signal's reason when it stopped before any row was learned from.
   */
  trainEpoch(signal: AbortSignal): Promise<Float64Array>;
  /** Mean loss per model over a split, in scaled units; `visit` is shown the scores. */
  evaluate(split: Split, visit?: ScoreVisitor): Promise<Float64Array>;
  close(): void;
}

/** Vectors of per-column settings for the candidates; columns of no model stand still. */
export function columnState(geometry: Geometry, candidates: readonly Candidate[], useSchedule: boolean): ColumnState {
  const per = (pick: (candidate: Candidate) => number) =>
    Float32Array.from({ length: geometry.lanes }, (_, lane) => {
      const candidate = candidateOf(geometry, candidates, lane);
      return candidate === undefined ? 0 : pick(candidate);
    });
  return {
    lr: per((candidate) => candidate.learningRate),
    lrMinimum: per((candidate) => candidate.schedulerMinimum),
    lrFactor: per((candidate) => candidate.schedulerFactor),
    lrStep: Int32Array.from(per((candidate) => (useSchedule ? candidate.schedulerStep : 0))),
    lrCount: new Int32Array(geometry.lanes),
    l1: per((candidate) => candidate.l1),
    wd: per((candidate) => candidate.wd),
  };
}

/** Weight of positive rows per column. */
export function positiveWeights(geometry: Geometry, candidates: readonly Candidate[]): Float32Array {
  return Float32Array.from(
    { length: geometry.lanes },
    (_, lane) => candidateOf(geometry, candidates, lane)?.positiveWeight ?? 1,
  );
}

function candidateOf(geometry: Geometry, candidates: readonly Candidate[], lane: number): Candidate | undefined {
  // With a single column all four lanes belong to the one model.
  return candidates[geometry.columns === 1 ? 0 : Math.floor(lane / geometry.columnsPerModel)];
}

/** First weights: `draw` for every feature of every class of every model, `bias` for the biases. */
export function initialWeights(geometry: Geometry, draw: () => number, bias: number): Float32Array {
  const { features, stride, models, classes, columnsPerModel, columns, weights } = geometry;
  const w = new Float32Array(weights);
  for (let model = 0; model < models; model++) {
    for (let k = 0; k < classes; k++) {
      const column = model * columnsPerModel + k;
      for (let j = 0; j < features; j++) w[j * columns + column] = draw();
      w[stride * columns + column] = bias;
    }
  }
  return w;
}

/** One model's weights out of all: shape (features + 1, classes), the biases last. */
export function weightsOf(geometry: Geometry, weights: Float32Array, model: number): Float64Array {
  const { features, stride, classes, columnsPerModel, columns } = geometry;
  const own = new Float64Array((features + 1) * classes);
  for (let j = 0; j <= features; j++) {
    const row = j === features ? stride : j;
    for (let k = 0; k < classes; k++)
      own[j * classes + k] = weights[row * columns + model * columnsPerModel + k] as number;
  }
  return own;
}

/** Sums of columns' losses to mean loss per model. */
export function meanLosses(geometry: Geometry, sums: Float64Array, rows: number): Float64Array {
  return Float64Array.from({ length: geometry.models }, (_, model) =>
    geometry.columns === 1
      ? sums.subarray(0, 4).reduce((a, b) => a + b, 0) / rows
      : (sums[model * geometry.columnsPerModel] as number) / rows,
  );
}

/** Rows that are handled between two looks at the event loop: a whole number of mini-batches, about 4 MB. */
export function blockRows(geometry: Geometry, batch: number): number {
  const wanted = Math.max(1, Math.floor(1_048_576 / (ceil4(geometry.features) * batch)));
  return wanted * batch;
}
