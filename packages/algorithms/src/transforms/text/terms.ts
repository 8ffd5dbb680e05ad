import { flag, listOf, number, type OptionCheck, oneOf, whole } from "../options.ts";

/** How texts become terms. */
export interface TermOptions {
  /** `word`, the default: terms are words of two or more letters, digits or underscores. `character`: single characters. */
  readonly analyzer?: "word" | "character";
  /** Least and most words (or characters) that follow each other and are one term; 1 and 1 by default. */
  readonly ngrams?: readonly [number, number];
  /** Whether capitals are kept apart from small letters. */
  readonly caseSensitive?: boolean;
  /** Words that are left out before n-grams are made. */
  readonly stopWords?: readonly string[];
}

/** Which terms have a column. */
export interface VocabularyOptions {
  /** Least rows that have a term: a number of rows, or below 1 a share of them. 1 by default. */
  readonly minRows?: number;
  /** Most rows that have a term: a share of them up to 1, or above 1 a number of rows. 1, so all, by default. */
  readonly maxRows?: number;
  /** Most terms, the most frequent ones; 10,000 by default. */
  readonly maxTerms?: number;
}

const isText: OptionCheck = (value) => (typeof value === "string" ? undefined : "a text");

export const termOptions = {
  analyzer: oneOf("word", "character"),
  ngrams: listOf(whole({ min: 1, max: 10 }), { least: 2, most: 2 }),
  caseSensitive: flag,
  stopWords: listOf(isText),
  minRows: number({ above: 0 }),
  maxRows: number({ above: 0 }),
  maxTerms: whole({ min: 1, max: 1_000_000 }),
} as const;

/** Words as Python's `\w\w+` finds them. */
const words = /[\p{L}\p{N}_]{2,}/gu;

/** The terms of a text, in their order, as often as it has them. */
export function termsOf(text: string, options: TermOptions): string[] {
  const { analyzer = "word", ngrams: [least, most] = [1, 1], caseSensitive = false, stopWords = [] } = options;
  const cased = caseSensitive ? text : text.toLowerCase();
  if (analyzer === "character") {
    const characters = [...cased.replace(/\s\s+/g, " ")];
    return grams(characters, least, most, "");
  }
  const stop = new Set(stopWords);
  const tokens = (cased.match(words) ?? []).filter((word) => !stop.has(word));
  return grams(tokens, least, most, " ");
}

function grams(tokens: readonly string[], least: number, most: number, between: string): string[] {
  if (least === 1 && most === 1) return [...tokens];
  const found: string[] = [];
  for (let size = least; size <= most; size++) {
    for (let at = 0; at + size <= tokens.length; at++) found.push(tokens.slice(at, at + size).join(between));
  }
  return found;
}
