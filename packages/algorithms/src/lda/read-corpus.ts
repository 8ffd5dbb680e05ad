import { checkFinite } from "../formats/check-finite.ts";
import type { Rows } from "../formats/rows.ts";
import type { Channel } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { type Corpus, type Counts, turned } from "./corpus.ts";

/** Positions are 32-bit numbers. */
const mostEntries = 2 ** 31 - 1;

/**
 * Reads the documents of a channel, one a row, their zeros left out.
 * @throws CustomerError naming the row and the word of a count that is missing, not finite or negative, and where no document
 * has a word.
 */
export async function readCorpus(channel: Channel, vocabulary: number, onBatch?: () => void): Promise<Corpus> {
  const gathered = new Gathered();
  const stream = channel.stream({
    labelWidth: 0,
    defaultContentType: "text/csv",
    featureDim: vocabulary,
    isDense: false,
    isOnePass: true,
  });
  for await (const { features, firstRow } of stream) {
    checkCounts(features, channel.name, firstRow);
    gathered.add(features);
    onBatch?.();
  }
  const documents = gathered.counts();
  if (documents.indices.length === 0) throw new CustomerError(`No document of the ${channel.name} channel has a word.`);
  const lengths = new Float64Array(documents.lines);
  for (let d = 0; d < documents.lines; d++) {
    for (let e = documents.offsets[d] as number; e < (documents.offsets[d + 1] as number); e++) {
      lengths[d] = (lengths[d] as number) + (documents.counts[e] as number);
    }
  }
  return { documents, words: turned(documents, vocabulary), lengths };
}

function checkCounts(features: Rows, channel: string, firstRow: number): void {
  const { values } = features;
  let isGood = true;
  for (let e = 0; e < values.length; e++)
    isGood = isGood && (values[e] as number) >= 0 && (values[e] as number) < Infinity;
  if (isGood) return;
  checkFinite(features, channel, firstRow);
  const entry = values.findIndex((value) => value < 0);
  const isDense = features.kind === "dense";
  const row = isDense ? Math.floor(entry / features.width) : features.offsets.findIndex((offset) => offset > entry) - 1;
  const word = isDense ? entry % features.width : (features.columns[entry] as number);
  throw new CustomerError(
    `The ${channel} channel has a negative count: row ${firstRow + row + 1}, feature ${word + 1} is ${values[entry]}.`,
  );
}

/** Entries of documents, as many as come. */
class Gathered {
  #entries = 0;
  #indices = new Int32Array(1024);
  #counts = new Float32Array(1024);
  readonly #offsets: number[] = [0];

  add(features: Rows): void {
    const { count, width, values } = features;
    for (let i = 0; i < count; i++) {
      if (features.kind === "dense") {
        this.#makeRoom(width);
        for (let j = 0, from = i * width; j < width; j++) {
          const value = values[from + j] as number;
          if (value !== 0) this.#put(j, value);
        }
      } else {
        const [first = 0, end = 0] = features.offsets.subarray(i, i + 2);
        this.#makeRoom(end - first);
        for (let e = first; e < end; e++) {
          if (values[e] !== 0) this.#put(features.columns[e] as number, values[e] as number);
        }
      }
      this.#offsets.push(this.#entries);
    }
  }

  counts(): Counts {
    return {
      lines: this.#offsets.length - 1,
      offsets: Int32Array.from(this.#offsets),
      indices: this.#indices.slice(0, this.#entries),
      counts: this.#counts.slice(0, this.#entries),
    };
  }

  #put(index: number, count: number): void {
    this.#indices[this.#entries] = index;
    this.#counts[this.#entries] = count;
    this.#entries++;
  }

  #makeRoom(more: number): void {
    const needed = this.#entries + more;
    if (needed <= this.#indices.length) return;
    if (needed > mostEntries) {
      throw new CustomerError(
        `The corpus has more than ${mostEntries} counts that are not zero. Please train on fewer documents.`,
      );
    }
    const size = Math.max(needed, Math.min(mostEntries, 2 * this.#indices.length));
    const [indices, counts] = [new Int32Array(size), new Float32Array(size)];
    indices.set(this.#indices.subarray(0, this.#entries));
    counts.set(this.#counts.subarray(0, this.#entries));
    this.#indices = indices;
    this.#counts = counts;
  }
}
