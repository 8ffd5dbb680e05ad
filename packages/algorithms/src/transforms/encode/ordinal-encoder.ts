import { CustomerError } from "../../job/errors.ts";
import { oneOf, unchecked } from "../options.ts";
import { numeric } from "../table/column.ts";
import { type Table, tableOf } from "../table/table.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import { asText, categoriesOf, placesOf, recode } from "./categories.ts";

/** Replaces each category by its place among them: 0, 1, 2 and so on. A missing one stays missing. */
export interface OrdinalEncoderSpec extends TransformSpec {
  readonly kind: "ordinal-encoder";
  /** Categories in their order, by column; the others' are those of training, ascending. */
  readonly order?: Readonly<Record<string, readonly string[]>>;
  /** What becomes of categories that training has not seen; `missing` by default. */
  readonly unknown?: "missing" | "error";
}

/** Replaces each class by its number, for columns that must know every one: an unknown or missing class is refused. */
export interface LabelEncoderSpec extends TransformSpec {
  readonly kind: "label-encoder";
}

interface State {
  readonly categories: readonly (readonly string[])[];
  readonly unknown: "missing" | "error";
}

export const ordinalEncoder: TransformKind<OrdinalEncoderSpec, State> = {
  kind: "ordinal-encoder",
  options: { order: unchecked, unknown: oneOf("missing", "error") },
  takes: ["text", "numeric"],
  fit({ table }, { order = {}, unknown = "missing" }) {
    for (const name of Object.keys(order)) {
      if (!table.columns.has(name)) throw new CustomerError(`Option 'order' names '${name}', which is not encoded.`);
    }
    const categories = Array.from(table.columns, ([name, column]) => {
      if (!Object.hasOwn(order, name)) return categoriesOf(column, table.rows).names;
      const given = order[name];
      if (!Array.isArray(given)) throw new CustomerError(`The order of column '${name}' must be a list.`);
      return given.map(String);
    });
    return { state: { categories, unknown } };
  },
  open: ({ categories, unknown }) => placer(categories, unknown === "error", Number.NaN),
};

export const labelEncoder: TransformKind<LabelEncoderSpec, State> = {
  kind: "label-encoder",
  options: {},
  takes: ["text", "numeric"],
  fit({ table }) {
    const categories = Array.from(table.columns.values(), (column) => categoriesOf(column, table.rows).names);
    return { state: { categories, unknown: "error" } };
  },
  open: ({ categories }) => placer(categories, true, undefined),
};

/** @param missing - What a missing category becomes; undefined refuses it. */
function placer(categories: readonly (readonly string[])[], isStrict: boolean, missing: number | undefined) {
  const places = categories.map(placesOf);
  return (table: Table): Table => {
    let at = 0;
    return tableOf(
      table.rows,
      Array.from(table.columns, ([name, column]) => {
        const known = places[at++] as ReadonlyMap<string, number>;
        const placeOf = (category: string): number => {
          const place = known.get(category);
          if (place === undefined && isStrict) {
            throw new CustomerError(`Column '${name}' has '${category.slice(0, 80)}', which training has not seen.`);
          }
          return place ?? Number.NaN;
        };
        const codes = asText(column, table.rows);
        if (missing === undefined && codes.codes.includes(-1)) {
          throw new CustomerError(`Column '${name}' has a missing class.`);
        }
        return [name, numeric(recode(codes, placeOf, Number.NaN))] as const;
      }),
    );
  };
}
