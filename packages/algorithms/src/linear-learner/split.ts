import type { Rows } from "../formats/rows.ts";
import type { RowBlock } from "../formats/stream/row-block.ts";
import { type Scaling, scaleLabels } from "./scaling.ts";
import { entriesOf } from "./take-rows.ts";

/** Consecutive rows, valid until the next ones are asked for. */
export interface Piece {
  readonly features: Rows;
  /** In the space that models are trained in: scaled for a regression, class numbers otherwise. */
  readonly labels: Float32Array;
}

/** Rows of one channel, ready to be learned from: in memory, or to be read again for every pass. */
export interface Split {
  /** The form that learners bring rows into: that of the training rows, whatever these are. */
  readonly kind: Rows["kind"];
  readonly count: number;
  readonly width: number;
  /** Values that sparse rows have, about where they are thinned out of a stream. */
  readonly entries: number;
  /** All rows, where they are in memory. */
  readonly inMemory: Piece | undefined;
  /** One pass over the rows, in order. @throws The job signal's reason when rows must be read and the job is stopped. */
  pieces(): AsyncIterable<Piece> | Iterable<Piece>;
}

/** Rows that are in memory. */
export function splitOf(rows: Piece, kind: Rows["kind"] = rows.features.kind): Split {
  const { count, width } = rows.features;
  return { kind, count, width, entries: entriesOf(rows.features, 0, count), inMemory: rows, pieces: () => [rows] };
}

/** Rows that are read in each pass. */
export function streamedSplit(
  blocks: AsyncIterable<RowBlock>,
  size: Pick<Split, "kind" | "count" | "width" | "entries">,
  scaling: Scaling,
): Split {
  return {
    ...size,
    inMemory: undefined,
    async *pieces() {
      for await (const { features, labels } of blocks) yield { features, labels: scaleLabels(labels, scaling) };
    },
  };
}
