import { pickColumns } from "../table/table.ts";
import type { Apply } from "../transform.ts";

/** What every selection learns: the names of the columns that stay. */
export interface Kept {
  readonly kept: readonly string[];
}

export function keepColumns({ kept }: Kept): Apply {
  return (table) => pickColumns(table, kept);
}
