import { CustomerError } from "../job/errors.ts";
import { valuesOf } from "./numbers.ts";
import type { Table } from "./table/table.ts";

/** For transforms that cannot learn from rows with missing values. @throws CustomerError naming the column that has some. */
export function refuseGaps(kind: string, table: Table): void {
  for (const [name, column] of table.columns) {
    if (column.kind === "text" || !valuesOf(column, table.rows).some(Number.isNaN)) continue;
    throw new CustomerError(
      `Transform '${kind}' takes no missing values, and column '${name}' has some: impute them before.`,
    );
  }
}
