import type { TextColumn } from "../table/column.ts";
import { compareTexts } from "../texts.ts";
import { type TermOptions, termsOf, type VocabularyOptions } from "./terms.ts";

/** The terms of a column that have columns of their own. */
export interface Vocabulary {
  /** Ascending by code points. */
  readonly terms: readonly string[];
  /** Rows that have each. */
  readonly rows: readonly number[];
}

/** Collects the terms of all rows. */
export function vocabularyOf({ codes, texts }: TextColumn, options: TermOptions & VocabularyOptions): Vocabulary {
  const { minRows = 1, maxRows = 1, maxTerms = 10_000 } = options;
  const timesOf = new Float64Array(texts.length);
  for (const code of codes) if (code >= 0) timesOf[code] = (timesOf[code] as number) + 1;
  const found = new Map<string, { rows: number; times: number }>();
  for (const [code, text] of texts.entries()) {
    const repeats = timesOf[code] as number;
    if (repeats === 0) continue;
    for (const [term, times] of countTerms(text, options)) {
      const about = found.get(term) ?? { rows: 0, times: 0 };
      about.rows += repeats;
      about.times += times * repeats;
      found.set(term, about);
    }
  }
  const least = minRows < 1 ? minRows * codes.length : minRows;
  const most = maxRows <= 1 ? maxRows * codes.length : maxRows;
  const kept = [...found]
    .filter(([, { rows }]) => rows >= least && rows <= most)
    .sort(([a, { times: x }], [b, { times: y }]) => y - x || compareTexts(a, b))
    .slice(0, maxTerms)
    .sort(([a], [b]) => compareTexts(a, b));
  return { terms: kept.map(([term]) => term), rows: kept.map(([, { rows }]) => rows) };
}

/** How often a text has each of its terms. */
export function countTerms(text: string, options: TermOptions): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of termsOf(text, options)) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}
