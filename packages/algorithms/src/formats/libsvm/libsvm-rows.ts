import type { SparseRows, Table } from "../rows.ts";

/** Told of a line (from 1 within the text) that does not fit, and why. Does not return. */
export type LineFault = (line: number, problem: string) => never;

const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const missing = /^(?:nan|na|null)$/i;

/** Rows of libsvm text, gathered. */
export class LibsvmRows {
  count = 0;
  /** The smallest index that a row names. */
  leastIndex = Number.POSITIVE_INFINITY;
  #width = 0;
  #hasWeights = false;
  #entries = 0;
  #labels = new Float32Array(1024);
  #weights = new Float32Array(1024);
  #queries: string[] | undefined;
  #offsets = new Float64Array(1024);
  #columns = new Uint32Array(8192);
  #values = new Float32Array(8192);

  /** What the rows take. */
  get bytes(): number {
    return this.#entries * 8 + this.count * 16;
  }

  /** Reads whole lines. @returns How many there were. */
  add(text: Buffer, fault: LineFault, labelIsOptional = false): number {
    let line = 0;
    for (let at = 0; at < text.length; ) {
      const found = text.indexOf(0x0a, at);
      const end = found < 0 ? text.length : found;
      line++;
      this.#addLine(text.toString("latin1", at, end), (problem) => fault(line, problem), labelIsOptional);
      at = end + 1;
    }
    return line;
  }

  #addLine(whole: string, fault: (problem: string) => never, labelIsOptional: boolean): void {
    const hash = whole.indexOf("#");
    const words = (hash < 0 ? whole : whole.slice(0, hash)).trim().split(/\s+/);
    if (words[0] === "") return;
    this.#growRows();
    const begin = this.#entries;
    let first = 0;
    if (!(labelIsOptional && (words[0] as string).includes(":"))) {
      this.#addLabel(words[0] as string, fault);
      first = 1;
    }
    for (let i = first; i < words.length; i++) this.#addWord(words[i] as string, fault, labelIsOptional);
    this.#sortRow(begin, fault);
    this.#offsets[++this.count] = this.#entries;
  }

  #addLabel(word: string, fault: (problem: string) => never): void {
    const [label = "", weight, ...more] = word.split(":");
    if (more.length > 0 || !number.test(label)) fault(`expected a label, or label:weight, found '${shown(word)}'`);
    this.#labels[this.count] = Number(label);
    this.#weights[this.count] = 1;
    if (weight === undefined) return;
    if (!number.test(weight)) fault(`expected a number as the weight of the row, found '${shown(word)}'`);
    this.#hasWeights = true;
    this.#weights[this.count] = Number(weight);
  }

  #addWord(word: string, fault: (problem: string) => never, labelIsOptional: boolean): void {
    const at = word.indexOf(":");
    if (at < 0 && labelIsOptional) return; // requests may have more than a label before their features
    const key = word.slice(0, at);
    const value = word.slice(at + 1);
    if (key === "qid") {
      this.#queries ??= [];
      this.#queries[this.count] = value;
      return;
    }
    if (at < 0 || !/^\d{1,9}$/.test(key)) fault(`expected INDEX:VALUE, found '${shown(word)}'`);
    if (!number.test(value) && !missing.test(value))
      fault(`the value of index ${key} is not a number: '${shown(value)}'`);
    const index = Number(key);
    if (this.#entries === this.#columns.length) this.#growEntries();
    this.#columns[this.#entries] = index;
    this.#values[this.#entries++] = number.test(value) ? Number(value) : Number.NaN;
    if (index >= this.#width) this.#width = index + 1;
    if (index < this.leastIndex) this.leastIndex = index;
  }

  #sortRow(begin: number, fault: (problem: string) => never): void {
    const end = this.#entries;
    let sorted = true;
    for (let i = begin + 1; i < end && sorted; i++)
      sorted = (this.#columns[i] as number) > (this.#columns[i - 1] as number);
    if (sorted) return;
    const entries = Array.from(
      { length: end - begin },
      (_, i) => [this.#columns[begin + i], this.#values[begin + i]] as [number, number],
    );
    entries.sort(([a], [b]) => a - b);
    for (const [i, [column, value]] of entries.entries()) {
      if (i > 0 && entries[i - 1]?.[0] === column) fault(`index ${column} is named twice`);
      this.#columns[begin + i] = column;
      this.#values[begin + i] = value;
    }
  }

  /** @param width - Least number of columns. */
  table(width: number): Table {
    return {
      features: this.rows(Math.max(width, this.#width)),
      labels: this.#labels.slice(0, this.count),
      labelWidth: 1,
      ...(this.#hasWeights && { weights: this.#weights.slice(0, this.count) }),
      ...(this.#queries && { groups: this.#groups(this.#queries) }),
    };
  }

  /** @param shift - What is taken off every index. */
  rows(width: number, shift = 0): SparseRows {
    const columns = this.#columns.slice(0, this.#entries);
    if (shift > 0) for (let i = 0; i < columns.length; i++) columns[i] = (columns[i] as number) - shift;
    return {
      kind: "sparse",
      count: this.count,
      width,
      offsets: this.#offsets.slice(0, this.count + 1),
      columns,
      values: this.#values.slice(0, this.#entries),
    };
  }

  get width(): number {
    return this.#width;
  }

  /** Rows of each query: those with the same `qid` lie together. */
  #groups(queries: readonly string[]): Uint32Array {
    const sizes: number[] = [];
    for (let i = 0; i < this.count; i++) {
      if (i > 0 && queries[i] === queries[i - 1]) sizes[sizes.length - 1] = (sizes.at(-1) as number) + 1;
      else sizes.push(1);
    }
    return Uint32Array.from(sizes);
  }

  #growRows(): void {
    if (this.count + 2 < this.#offsets.length) return;
    const rows = this.#offsets.length * 2;
    this.#labels = grown(this.#labels, new Float32Array(rows));
    this.#weights = grown(this.#weights, new Float32Array(rows));
    this.#offsets = grown(this.#offsets, new Float64Array(rows));
  }

  #growEntries(): void {
    this.#columns = grown(this.#columns, new Uint32Array(this.#columns.length * 2));
    this.#values = grown(this.#values, new Float32Array(this.#values.length * 2));
  }
}

function grown<T extends Float32Array | Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function shown(word: string): string {
  return word.length > 40 ? `${word.slice(0, 40)}...` : word;
}
