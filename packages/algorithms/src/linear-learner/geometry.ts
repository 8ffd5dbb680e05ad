/** How models lie in memory. All counts are of floats unless they say otherwise. */
export interface Geometry {
  readonly features: number;
  /** Row stride: features rounded up to a multiple of 4. */
  readonly stride: number;
  readonly models: number;
  /** Scores per model that mean something. */
  readonly classes: number;
  /** Columns per model: 1, or classes rounded up to a multiple of 4. */
  readonly columnsPerModel: number;
  /** Columns in all: 1, or a multiple of 4. */
  readonly columns: number;
  /** Whether it is for sparse rows. */
  readonly isSparse: boolean;
  /** Vectors over columns have at least one lane group. */
  readonly lanes: number;
  /** Floats of the weight matrix: (stride + 1) rows of `columns`; with one column the bias has four places. */
  readonly weights: number;
}

/**
 * Lays out `models` models of `classes` scores over `features` features.
 * @param isSparse - Then even a single column gets company, as its kernels only know lanes of columns.
 */
export function layOut(features: number, models: number, classes: number, isSparse = false): Geometry {
  const stride = ceil4(features);
  const columnsPerModel = classes === 1 ? 1 : ceil4(classes);
  const columns = models * columnsPerModel === 1 && !isSparse ? 1 : ceil4(models * columnsPerModel);
  return {
    features,
    stride,
    models,
    classes,
    columnsPerModel,
    columns,
    lanes: Math.max(columns, 4),
    isSparse,
    weights: columns === 1 ? stride + 4 : (stride + 1) * columns,
  };
}

export function ceil4(value: number): number {
  return Math.ceil(value / 4) * 4;
}

/** Memory that chunk gradients may take together. */
const GRADIENT_BUDGET = 64 * 1024 * 1024;

/**
 * Number of chunks that a mini-batch is cut into. It depends on sizes only, never on the thread count, so that sums
 * are taken in the same order everywhere.
 */
export function chunkCount(geometry: Geometry, batch: number): number {
  const byMemory = Math.floor(GRADIENT_BUDGET / (geometry.weights * 4));
  return Math.max(1, Math.min(Math.ceil(batch / 64), byMemory, 64));
}
