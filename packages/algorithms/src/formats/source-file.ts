/** A file of rows. */
export interface SourceFile {
  readonly path: string;
  /** How messages call it: `train/part-0.csv`. */
  readonly name: string;
  readonly sizeBytes: number;
}
