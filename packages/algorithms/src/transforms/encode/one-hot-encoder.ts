import { CustomerError } from "../../job/errors.ts";
import { oneOf, whole } from "../options.ts";
import type { SparseColumn } from "../table/column.ts";
import { type Table, tableOf } from "../table/table.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import { asText, type Categories, categoriesOf, placesOf, recode } from "./categories.ts";

/**
 * One column of 0 and 1 for each category: `COLUMN=CATEGORY`, then `COLUMN is missing` where training has gaps, then
 * `COLUMN=other` for all rare ones together.
 */
export interface OneHotEncoderSpec extends TransformSpec {
  readonly kind: "one-hot-encoder";
  /** Categories with fewer rows than this are rare. */
  readonly minFrequency?: number;
  /** Most columns that a column may become; the less frequent categories are rare then. */
  readonly maxCategories?: number;
  /**
   * What becomes of a category that training has not seen: `other` counts it among the rare ones where there are any,
   * and is 0 everywhere like `ignore` where not. `other` by default.
   */
  readonly unknown?: "other" | "ignore" | "error";
}

interface State {
  readonly encoded: readonly {
    /** Those that have a column. */
    readonly categories: readonly string[];
    /** Whether missing values have a column of their own. */
    readonly missing: boolean;
    /** Categories without one, which share a column. */
    readonly rare: readonly string[];
    /** Whether missing values are among the rare ones. */
    readonly missingIsRare: boolean;
  }[];
  readonly unknown: "other" | "ignore" | "error";
}

type Encoded = State["encoded"][number];

const maxColumns = 100_000;

export const oneHotEncoder: TransformKind<OneHotEncoderSpec, State> = {
  kind: "one-hot-encoder",
  options: {
    minFrequency: whole({ min: 1 }),
    maxCategories: whole({ min: 1 }),
    unknown: oneOf("other", "ignore", "error"),
  },
  takes: ["text", "numeric"],
  fit({ table }, spec) {
    const encoded = Array.from(table.columns, ([name, column]) => {
      const one = divide(categoriesOf(column, table.rows), spec);
      if (one.categories.length > maxColumns) {
        throw new CustomerError(
          `Column '${name}' has ${one.categories.length} categories, more than ${maxColumns} columns: set 'maxCategories' or encode it otherwise.`,
        );
      }
      return one;
    });
    return { state: { encoded, unknown: spec.unknown ?? "other" } };
  },
  open({ encoded, unknown }) {
    const encoders = encoded.map((one) => new ColumnEncoder(one, unknown));
    return (table) => {
      let at = 0;
      return tableOf(
        table.rows,
        [...table.columns.keys()].flatMap((name) => (encoders[at++] as ColumnEncoder).encode(table, name)),
      );
    };
  },
};

/** Which categories are rare, by the rules of scikit-learn: a missing value is one more category, the last in order. */
function divide(
  { names, counts, missing }: Categories,
  { minFrequency = 0, maxCategories }: OneHotEncoderSpec,
): Encoded {
  const all = [...names.map((name, i) => ({ name, count: counts[i] as number }))];
  const items: { name: string | undefined; count: number }[] =
    missing > 0 ? [...all, { name: undefined, count: missing }] : all;
  const rare = new Set(items.filter(({ count }) => count < minFrequency));
  const columns = items.length - rare.size + (rare.size > 0 ? 1 : 0);
  if (maxCategories !== undefined && maxCategories < columns) {
    const byCount = items.toSorted((a, b) => a.count - b.count);
    for (const item of byCount.slice(0, byCount.length - (maxCategories - 1))) rare.add(item);
  }
  const gap = items.find(({ name }) => name === undefined);
  const namesIn = (isRare: boolean) =>
    items.filter((item) => rare.has(item) === isRare).flatMap(({ name }) => (name === undefined ? [] : [name]));
  return {
    categories: namesIn(false),
    missing: gap !== undefined && !rare.has(gap),
    rare: namesIn(true),
    missingIsRare: gap !== undefined && rare.has(gap),
  };
}

/** Places of categories among the columns of one column; -1 has none. */
class ColumnEncoder {
  readonly #names: readonly string[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #rarePlace: number;
  readonly #missingPlace: number;
  readonly #unknown: State["unknown"];

  constructor({ categories, missing, rare, missingIsRare }: Encoded, unknown: State["unknown"]) {
    const hasRare = rare.length > 0 || missingIsRare;
    this.#rarePlace = hasRare ? categories.length + (missing ? 1 : 0) : -1;
    this.#unknown = unknown;
    const ofUnknown = unknown === "other" ? this.#rarePlace : -1;
    this.#missingPlace = missing ? categories.length : missingIsRare ? this.#rarePlace : ofUnknown;
    this.#names = [
      ...categories.map((category) => `=${category}`),
      ...(missing ? [" is missing"] : []),
      ...(hasRare ? ["=other"] : []),
    ];
    this.#places = new Map([...placesOf(categories), ...rare.map((name): [string, number] => [name, this.#rarePlace])]);
  }

  encode(table: Table, name: string): [string, SparseColumn][] {
    const column = table.columns.get(name);
    if (column === undefined) throw new Error(`the table has lost its column ${name}`);
    const places = recode(asText(column, table.rows), (category) => this.#placeOf(category, name), this.#missingPlace);
    const counts = new Uint32Array(this.#names.length);
    for (const place of places) if (place >= 0) counts[place] = (counts[place] as number) + 1;
    const rows = Array.from(counts, (count) => new Uint32Array(count));
    counts.fill(0);
    for (let row = 0; row < places.length; row++) {
      const place = places[row] as number;
      if (place < 0) continue;
      const at = counts[place] as number;
      (rows[place] as Uint32Array)[at] = row;
      counts[place] = at + 1;
    }
    return this.#names.map((ending, place) => {
      const own = rows[place] as Uint32Array;
      return [`${name}${ending}`, { kind: "sparse", rows: own, values: new Float64Array(own.length).fill(1) }];
    });
  }

  #placeOf(category: string, column: string): number {
    const place = this.#places.get(category);
    if (place !== undefined) return place;
    if (this.#unknown === "error") {
      throw new CustomerError(`Column '${column}' has '${category.slice(0, 80)}', which training has not seen.`);
    }
    return this.#unknown === "other" ? this.#rarePlace : -1;
  }
}
