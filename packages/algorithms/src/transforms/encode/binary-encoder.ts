import { numeric } from "../table/column.ts";
import { tableOf } from "../table/table.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import { asText, categoriesOf, placesOf, recode } from "./categories.ts";

/**
 * Writes the number of each category, from 1, as binary digits, a column for each: `COLUMN bit 0` is the highest. A missing
 * or unknown category is 0 everywhere.
 */
export interface BinaryEncoderSpec extends TransformSpec {
  readonly kind: "binary-encoder";
}

interface State {
  readonly categories: readonly (readonly string[])[];
}

export const binaryEncoder: TransformKind<BinaryEncoderSpec, State> = {
  kind: "binary-encoder",
  options: {},
  takes: ["text", "numeric"],
  fit({ table }) {
    return {
      state: { categories: Array.from(table.columns.values(), (column) => categoriesOf(column, table.rows).names) },
    };
  },
  open({ categories }) {
    const places = categories.map(placesOf);
    return (table) => {
      let at = 0;
      return tableOf(
        table.rows,
        [...table.columns].flatMap(([name, column]) => {
          const known = places[at++] as ReadonlyMap<string, number>;
          const digits = Math.max(1, Math.ceil(Math.log2(known.size + 1)));
          const numbers = recode(asText(column, table.rows), (category) => (known.get(category) ?? -1) + 1, 0);
          return Array.from({ length: digits }, (_, digit) => {
            const weight = 2 ** (digits - 1 - digit);
            return [`${name} bit ${digit}`, numeric(numbers.map((value) => Math.floor(value / weight) % 2))] as const;
          });
        }),
      );
    };
  },
};
