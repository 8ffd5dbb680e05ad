import { placesOf } from "../encode/categories.ts";
import { flag, oneOf } from "../options.ts";
import type { TextColumn } from "../table/column.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import type { TermRow } from "./term-columns.ts";
import { type TermOptions, termOptions, type VocabularyOptions } from "./terms.ts";
import { eachText, placeTerms, termOptionsOf } from "./text-counts.ts";
import { countTerms, vocabularyOf } from "./vocabulary.ts";

/**
 * Term frequency times inverse document frequency: what a text has often, and few others have, counts much.
 * `log((1 + rows) / (1 + rows with the term)) + 1` is the weight of a term.
 */
export interface TfIdfSpec extends TransformSpec, TermOptions, VocabularyOptions {
  readonly kind: "tf-idf";
  /** Whether `1 + log(count)` stands for the count. */
  readonly sublinear?: boolean;
  /** `l2`, the default, makes every row a vector of length 1. */
  readonly norm?: "l2" | "none";
}

interface State {
  readonly options: TermOptions;
  readonly sublinear: boolean;
  readonly norm: "l2" | "none";
  readonly terms: readonly (readonly string[])[];
  readonly weights: readonly (readonly number[])[];
}

export const tfIdf: TransformKind<TfIdfSpec, State> = {
  kind: "tf-idf",
  options: { ...termOptions, sublinear: flag, norm: oneOf("l2", "none") },
  takes: ["text"],
  fit({ table }, spec) {
    const found = Array.from(table.columns.values(), (column) => vocabularyOf(column as TextColumn, spec));
    return {
      state: {
        options: termOptionsOf(spec),
        sublinear: spec.sublinear ?? false,
        norm: spec.norm ?? "l2",
        terms: found.map(({ terms }) => terms),
        weights: found.map(({ rows }) => rows.map((count) => Math.log((1 + table.rows) / (1 + count)) + 1)),
      },
    };
  },
  open({ options, sublinear, norm, terms, weights }) {
    const rowsOf = terms.map((own, column) => {
      const places = placesOf(own);
      const weight = weights[column] as readonly number[];
      return (text: string): TermRow => {
        const { places: found, values } = placeTerms(countTerms(text, options), places);
        let squares = 0;
        for (let i = 0; i < values.length; i++) {
          const count = values[i] as number;
          const value = (sublinear ? 1 + Math.log(count) : count) * (weight[found[i] as number] as number);
          values[i] = value;
          squares += value * value;
        }
        if (norm === "l2" && squares > 0) {
          const length = Math.sqrt(squares);
          for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) / length;
        }
        return { places: found, values };
      };
    });
    return (table) => eachText(table, terms, rowsOf);
  },
};
