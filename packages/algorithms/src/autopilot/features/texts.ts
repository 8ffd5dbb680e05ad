/** Words that have a column: those that most rows have, but not nearly all. */
const maxWords = 200;
const mostRows = 0.8;
const fewestRows = 3;

/** A column of sentences: term frequency times inverse document frequency of frequent words, each row of length 1. */
export interface TextEncoder {
  readonly kind: "text";
  readonly column: string;
  readonly names: readonly string[];
  /** By word: its place and the logarithm of how rare it is. */
  readonly words: Readonly<Record<string, readonly [place: number, rarity: number]>>;
}

/** Collects the words. */
export function fitText(column: string, values: readonly string[]): TextEncoder {
  const rows = new Map<string, number>();
  for (const value of values) for (const word of new Set(wordsOf(value))) rows.set(word, (rows.get(word) ?? 0) + 1);
  const kept = [...rows]
    .filter(([, count]) => count >= fewestRows && count <= values.length * mostRows)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, maxWords);
  // Smoothed as in scikit-learn: as if one more row had every word.
  const entries = kept.map(([word, count], place) => [word, [place, 1 + Math.log((1 + values.length) / (1 + count))]]);
  return {
    ...{ kind: "text", column, words: Object.assign(Object.create(null), Object.fromEntries(entries)) },
    names: [...kept.map(([word]) => `${column} has ${word}`), `${column} words`],
  };
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? [];
}

/** Writes a value's columns, which are 0 before; the last one is the logarithm of the number of words. */
export function writeText({ words, names }: TextEncoder, text: string, into: Float32Array, at: number): void {
  const all = wordsOf(text);
  let squares = 0;
  for (const word of all) {
    const known = Object.hasOwn(words, word) ? words[word] : undefined;
    if (known) into[at + known[0]] = (into[at + known[0]] as number) + known[1];
  }
  const last = names.length - 1;
  for (let i = 0; i < last; i++) squares += (into[at + i] as number) ** 2;
  if (squares > 0) for (let i = 0; i < last; i++) into[at + i] = (into[at + i] as number) / Math.sqrt(squares);
  into[at + last] = Math.log1p(all.length);
}
