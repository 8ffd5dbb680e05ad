import type { Figure } from "../support/report.ts";

/** What a benchmark of an algorithm may use. */
export interface BenchOptions {
  /** A folder that is removed at the end. */
  readonly work: string;
  /** Interleaved rounds of both sides. */
  readonly repeats: number;
  /** Rows of the large synthetic table, 1,000,000 unless a smaller run is wanted; other tables shrink with it. */
  readonly rows: number;
}

/** A built-in algorithm against the best library for the same work. */
export interface AlgorithmBench {
  readonly name: string;
  measure(options: BenchOptions): Promise<readonly Figure[]>;
}
