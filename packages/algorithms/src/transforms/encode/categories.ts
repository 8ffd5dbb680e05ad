import { type Column, denseValues, type TextColumn, text } from "../table/column.ts";
import { compareTexts } from "../texts.ts";

/**
 * A column as categories: of numbers and dates each value is one, by the text of the number.
 * @param rows - Of the table.
 */
export function asText(column: Column, rows: number): TextColumn {
  if (column.kind === "text") return column;
  return text(Array.from(denseValues(column, rows), (value) => (Number.isNaN(value) ? null : String(value))));
}

/** The categories of a column in training. */
export interface Categories {
  /** Ascending: numbers by value, texts by code points. Only those that some row has. */
  readonly names: readonly string[];
  /** Rows of each. */
  readonly counts: readonly number[];
  /** Rows without one. */
  readonly missing: number;
}

export function categoriesOf(column: Column, rows: number): Categories {
  const { codes, texts } = asText(column, rows);
  const counts = new Float64Array(texts.length);
  let missing = 0;
  for (const code of codes) {
    if (code < 0) missing++;
    else counts[code] = (counts[code] as number) + 1;
  }
  const order = column.kind === "text" ? compareTexts : (a: string, b: string) => Number(a) - Number(b);
  const found = texts
    .map((name, code) => ({ name, count: counts[code] as number }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => order(a.name, b.name));
  return { names: found.map(({ name }) => name), counts: found.map(({ count }) => count), missing };
}

/** Finds the place of each category. */
export function placesOf(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, place) => [name, place]));
}

/**
 * Replaces the category of each row by a number: one look-up for each distinct text, and one array access for each row.
 * @param placeOf - Asked once for each text that some row has.
 */
export function recode({ codes, texts }: TextColumn, placeOf: (name: string) => number, missing: number): Float64Array {
  const known = new Float64Array(texts.length);
  const isKnown = new Uint8Array(texts.length);
  const recoded = new Float64Array(codes.length);
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row] as number;
    if (code < 0) {
      recoded[row] = missing;
      continue;
    }
    if (isKnown[code] === 0) {
      known[code] = placeOf(texts[code] as string);
      isKnown[code] = 1;
    }
    recoded[row] = known[code] as number;
  }
  return recoded;
}
