/** Categories that have a column of their own, the most frequent ones. */
const maxColumns = 60;

/** A column of names: one column of 0 and 1 for each frequent one. Others, and those never seen, are 0 everywhere. */
export interface CategoryEncoder {
  readonly kind: "category";
  readonly column: string;
  readonly names: readonly string[];
  /** Place of each category among the columns. A missing value is a category, the empty text. */
  readonly places: Readonly<Record<string, number>>;
}

/** Collects the categories. */
export function fitCategory(column: string, values: readonly string[]): CategoryEncoder {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const kept = [...counts]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, maxColumns)
    .map(([value]) => value);
  return {
    ...{ kind: "category", column, names: kept.map((value) => `${column} is ${value === "" ? "missing" : value}`) },
    // A key such as __proto__ must be a key like any other.
    places: Object.assign(Object.create(null), Object.fromEntries(kept.map((value, place) => [value, place]))),
  };
}

/** Writes a value's columns, which are 0 before. */
export function writeCategory({ places }: CategoryEncoder, text: string, into: Float32Array, at: number): void {
  const place = Object.hasOwn(places, text) ? places[text] : undefined;
  if (place !== undefined) into[at + place] = 1;
}
