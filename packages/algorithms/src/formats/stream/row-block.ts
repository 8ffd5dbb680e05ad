import type { Table } from "../rows.ts";

/** Consecutive rows of a channel. */
export interface RowBlock extends Table {
  /** Rows of the channel before these. */
  readonly firstRow: number;
}
