import { placesOf } from "../encode/categories.ts";
import { flag } from "../options.ts";
import type { TextColumn } from "../table/column.ts";
import { type Table, tableOf } from "../table/table.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import { type TermRow, termColumns } from "./term-columns.ts";
import { type TermOptions, termOptions, type VocabularyOptions } from "./terms.ts";
import { countTerms, vocabularyOf } from "./vocabulary.ts";

/** How often each text has each term of training: a column `COLUMN: TERM` for each. */
export interface TextCountsSpec extends TransformSpec, TermOptions, VocabularyOptions {
  readonly kind: "text-counts";
  /** Whether it only counts that a term is there. */
  readonly binary?: boolean;
}

interface State {
  readonly options: TermOptions;
  readonly binary: boolean;
  readonly terms: readonly (readonly string[])[];
}

export const textCounts: TransformKind<TextCountsSpec, State> = {
  kind: "text-counts",
  options: { ...termOptions, binary: flag },
  takes: ["text"],
  fit({ table }, spec) {
    const terms = Array.from(table.columns.values(), (column) => vocabularyOf(column as TextColumn, spec).terms);
    return { state: { options: termOptionsOf(spec), binary: spec.binary ?? false, terms } };
  },
  open({ options, binary, terms }) {
    const rowsOf = terms.map((own) => {
      const places = placesOf(own);
      return (text: string): TermRow => {
        const { places: found, values } = placeTerms(countTerms(text, options), places);
        return { places: found, values: binary ? values.fill(1) : values };
      };
    });
    return (table) => eachText(table, terms, rowsOf);
  },
};

/** What of a specification says how texts become terms. */
export function termOptionsOf({ analyzer, ngrams, caseSensitive, stopWords }: TermOptions): TermOptions {
  return {
    ...(analyzer && { analyzer }),
    ...(ngrams && { ngrams }),
    ...(caseSensitive && { caseSensitive }),
    ...(stopWords && { stopWords }),
  };
}

/** Terms that have a column, ascending by its place, and their counts. */
export function placeTerms(
  counts: ReadonlyMap<string, number>,
  places: ReadonlyMap<string, number>,
): { readonly places: Uint32Array; readonly values: Float64Array } {
  const found: [number, number][] = [];
  for (const [term, count] of counts) {
    const place = places.get(term);
    if (place !== undefined) found.push([place, count]);
  }
  found.sort(([a], [b]) => a - b);
  return {
    places: Uint32Array.from(found, ([place]) => place),
    values: Float64Array.from(found, ([, count]) => count),
  };
}

/** Replaces each column of texts by the columns of its terms. */
export function eachText(
  table: Table,
  terms: readonly (readonly string[])[],
  rowsOf: readonly ((text: string) => TermRow)[],
): Table {
  let at = 0;
  return tableOf(
    table.rows,
    [...table.columns].flatMap(([name, column]) => {
      const own = terms[at] as readonly string[];
      const columns = termColumns(column as TextColumn, own.length, rowsOf[at++] as (text: string) => TermRow);
      return columns.map((values, place) => [`${name}: ${own[place]}`, values] as const);
    }),
  );
}
