/** Counts of words in documents, line by line: either way round. */
export interface Counts {
  /** Documents of the one, words of the other. */
  readonly lines: number;
  /** `lines + 1` positions into the other two. */
  readonly offsets: Int32Array;
  /** Word (or document) of each entry, ascending within a line. */
  readonly indices: Int32Array;
  readonly counts: Float32Array;
}

/** Documents as counts of words, and the same counts by words. */
export interface Corpus {
  readonly documents: Counts;
  readonly words: Counts;
  /** Words of each document, repetitions included. */
  readonly lengths: Float64Array;
}

/** Turns counts round: what was an index becomes a line. */
export function turned({ lines, offsets, indices, counts }: Counts, width: number): Counts {
  const starts = new Int32Array(width + 1);
  for (const index of indices) starts[index + 1] = (starts[index + 1] as number) + 1;
  for (let j = 0; j < width; j++) starts[j + 1] = (starts[j + 1] as number) + (starts[j] as number);
  const next = starts.slice(0, width);
  const found = { indices: new Int32Array(indices.length), counts: new Float32Array(indices.length) };
  for (let i = 0; i < lines; i++) {
    for (let e = offsets[i] as number, end = offsets[i + 1] as number; e < end; e++) {
      const line = indices[e] as number;
      const at = next[line] as number;
      next[line] = at + 1;
      found.indices[at] = i;
      found.counts[at] = counts[e] as number;
    }
  }
  return { lines: width, offsets: starts, ...found };
}

/** Visits the entries of a line. */
export function readEntries(
  { offsets, indices, counts }: Counts,
  line: number,
  visit: (index: number, count: number) => void,
): void {
  for (let e = offsets[line] as number, end = offsets[line + 1] as number; e < end; e++) {
    visit(indices[e] as number, counts[e] as number);
  }
}
