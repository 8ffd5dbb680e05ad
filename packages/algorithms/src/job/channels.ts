import type { Table } from "../formats/rows.ts";
import type { RowBlock } from "../formats/stream/row-block.ts";

/** A content type and its parameters: `text/csv;label_size=0`. */
export interface ContentType {
  /** Lower case, without parameters. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** One input channel: a directory of whole files (File and FastFile mode), or a FIFO for each epoch (Pipe mode). */
export interface Channel {
  readonly name: string;
  /** Undefined in Pipe mode. */
  readonly directory: string | undefined;
  /** As the job gave it; undefined when it gave none. */
  readonly contentType: ContentType | undefined;
  readonly distribution: "FullyReplicated" | "ShardedByS3Key";
  /** Whether this host has no file of it, as may be where files are shared out between hosts. */
  isEmpty(): boolean;
  /**
   * Reads every file of the channel, sorted by bytes, on all cores, into one table. In Pipe mode each call reads the next
   * epoch; the table stays as it is for as many passes as an algorithm makes over it.
   * @throws CustomerError naming file and line (or record) when the content is not what its type says, when a row has
   * another width than the first, or when there is no row.
   */
  read(options: ReadOptions): Promise<Table>;
  /**
   * The same where the table fits what the job's channels may keep together, of which it then takes its part; undefined
   * where it does not, and the rows are better streamed. In Pipe mode the epoch is over either way.
   */
  readIfKept(options: ReadOptions): Promise<Table | undefined>;
  /**
   * The same rows in blocks, for data that need not fit into memory. Every iteration of what is returned is a pass over
   * all rows in the order of `read`, read on all cores ahead of whoever uses them; a block is valid until the next one is
   * asked for. Files are read again in every pass as far as the first could not keep their rows; in Pipe mode each
   * pass reads the next epoch. An iteration must have ended before another begins.
   * @throws CustomerError as `read` does, when the iteration comes to the row at fault.
   */
  stream(options: StreamOptions): AsyncIterable<RowBlock>;
}

export interface ReadOptions {
  /** Labels per row where the content type's `label_size` does not say: 1 for supervised algorithms, else 0. */
  readonly labelWidth: number;
  /** Leading columns of a CSV file that are no features, whatever its `label_size` says. */
  readonly leadingColumns?: number;
  /** Whether CSV may have another delimiter than a comma; its first line tells. */
  readonly sniffsDelimiter?: boolean;
  /** Whether CSV rows are a name and an IPv4 address (formats/pairs); only for streams. */
  readonly hasPairs?: boolean;
  /** Content type where the channel names none and its files are no RecordIO. */
  readonly defaultContentType: string;
  /** Refuses rows of another width: the `feature_dim` hyperparameter, or the width of the training rows. */
  readonly featureDim?: number;
}

export interface StreamOptions extends ReadOptions {
  /** Fills sparse rows up with zeros; otherwise a block is dense when each of its rows is. */
  readonly isDense: boolean;
  /** Set when there is only one: then nothing is kept for another. */
  readonly isOnePass?: boolean;
}
