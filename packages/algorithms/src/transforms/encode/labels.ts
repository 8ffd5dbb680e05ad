import { CustomerError } from "../../job/errors.ts";
import type { Column } from "../table/column.ts";
import { asText, categoriesOf, placesOf, recode } from "./categories.ts";

/** The classes of a target, ascending, and each row's. */
export interface Labels {
  readonly classes: readonly string[];
  /** Place of each row's class. */
  readonly codes: Uint32Array;
  /** Rows of each class. */
  readonly counts: readonly number[];
}

/** Numbers the classes of a target. @throws CustomerError when a row has none. */
export function labelsOf(target: Column, rows: number): Labels {
  const { names, counts, missing } = categoriesOf(target, rows);
  if (missing > 0) throw new CustomerError(`The target is missing in ${missing} of ${rows} rows.`);
  const places = placesOf(names);
  const codes = recode(asText(target, rows), (name) => places.get(name) as number, 0);
  return { classes: names, codes: Uint32Array.from(codes), counts };
}
