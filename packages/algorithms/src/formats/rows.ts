/** Rows of features as every reader yields them and every algorithm takes them. */

/** Shape (count, width), row-major. */
export interface DenseRows {
  readonly kind: "dense";
  readonly count: number;
  readonly width: number;
  /** Missing values are NaN. */
  readonly values: Float32Array;
}

/** Compressed sparse rows: row i has entries `offsets[i]` up to `offsets[i + 1]`. */
export interface SparseRows {
  readonly kind: "sparse";
  readonly count: number;
  readonly width: number;
  /** `count + 1` positions into `columns` and `values`. */
  readonly offsets: Float64Array;
  /** Column of each entry, ascending within a row, each below `width`. */
  readonly columns: Uint32Array;
  readonly values: Float32Array;
}

export type Rows = DenseRows | SparseRows;

/**
 * Labelled rows. All arrays lie on SharedArrayBuffers, so that worker threads see them without copying.
 */
export interface Table {
  readonly features: Rows;
  /** Shape (count, labelWidth), row-major. */
  readonly labels: Float32Array;
  /** Labels per row; 0 for unlabelled data. */
  readonly labelWidth: number;
  /** One for each row, where the format has weights and the files give some. */
  readonly weights?: Float32Array;
  /** Rows of each query, in order, where the format has queries and the files name some. */
  readonly groups?: Uint32Array;
}
