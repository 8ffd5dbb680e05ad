import type { Figure } from "../support/report.ts";

/** What a part may use. */
export interface ServingOptions {
  /** A folder that is removed at the end. */
  readonly work: string;
  /** Interleaved rounds of both sides. */
  readonly repeats: number;
  /** Rows of the large table, 1,000,000 unless a smaller run is wanted. */
  readonly rows: number;
}

/** One part of the benchmark of serving. */
export interface ServingBench {
  readonly name: string;
  measure(options: ServingOptions): Promise<readonly Figure[]>;
}
