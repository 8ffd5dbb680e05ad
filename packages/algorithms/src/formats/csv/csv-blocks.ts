import { closeSync, openSync, readSync } from "node:fs";
import type { SourceFile } from "../source-file.ts";
import { CsvKernel } from "./csv-kernel.ts";
import { putCommas } from "./delimiter.ts";
import { readOddField } from "./odd-field.ts";
import { fieldText, type ParseResult, parseStatus, type RowShape } from "./parse-rows.ts";

/** A piece of one file; its rows are those that begin in it. */
export interface Block {
  readonly file: number;
  readonly begin: number;
  readonly end: number;
}

/** Text of this size and the numbers read from it stay in a core's own cache. */
const blockBytes = 512 * 1024;
/** Read past a block's end, since its last row may go on there; more is read where a row is longer. */
const tailBytes = 16 * 1024;

/** Cuts files into blocks, in order. */
export function planBlocks(files: readonly SourceFile[], size = blockBytes): Block[] {
  return files.flatMap(({ sizeBytes }, file) =>
    Array.from({ length: Math.ceil(sizeBytes / size) }, (_, i) => ({
      file,
      begin: i * size,
      end: Math.min(sizeBytes, (i + 1) * size),
    })),
  );
}

/** What is wrong with a row. */
export interface RowFault {
  readonly file: number;
  /** Position of the row in its file. */
  readonly position: number;
  readonly problem: string;
}

/** Where rows are written, and from which row on. */
interface BlockTarget {
  /** Shape (rows, labelWidth). */
  readonly labels: Float32Array;
  /** Shape (rows, columns - labelWidth). */
  readonly features: Float32Array;
  readonly firstRow: number;
}

/** Text in the kernel's memory: so many bytes, of which the first `lead` are before the block. */
interface Loaded {
  readonly length: number;
  readonly lead: number;
}

/** Counts and reads blocks, one at a time. Every thread has one of its own. */
export class BlockReader {
  readonly #files: readonly SourceFile[];
  readonly #shape: RowShape;
  readonly #kernel = new CsvKernel();
  #open: { file: number; descriptor: number } | undefined;

  constructor(files: readonly SourceFile[], shape: RowShape) {
    this.#files = files;
    this.#shape = shape;
  }

  /** How many rows begin in the block. */
  count(block: Block): number {
    return this.#countLoaded(block, this.#load(block, 0));
  }

  /**
   * Reads the block's rows to where they belong.
   * @param rows - What `count` returned.
   */
  read(block: Block, rows: number, target: BlockTarget): RowFault | undefined {
    return rows === 0 ? undefined : this.#readLoaded(block, this.#loadWhole(block), rows, target);
  }

  /** Counts and reads a block at once, into memory that `allocate` gives for so many rows. */
  readAll(
    block: Block,
    allocate: (rows: number) => Omit<BlockTarget, "firstRow">,
  ): Omit<BlockTarget, "firstRow"> & { readonly rows: number; readonly fault: RowFault | undefined } {
    const loaded = this.#loadWhole(block);
    const rows = this.#countLoaded(block, loaded);
    const target = allocate(rows);
    const fault = rows === 0 ? undefined : this.#readLoaded(block, loaded, rows, { ...target, firstRow: 0 });
    return { ...target, rows, fault };
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.descriptor);
    this.#open = undefined;
  }

  #countLoaded({ begin, end }: Block, { length, lead }: Loaded): number {
    const rows = this.#kernel.countRows(lead, lead + end - begin);
    if (begin > 0) return rows;
    // A byte order mark looks like the beginning of a row even where none follows.
    const mark = markLength(this.#text(length));
    return mark > 0 && isLineEnd(this.#text(length)[mark]) ? rows - 1 : rows;
  }

  #readLoaded(block: Block, { length, lead }: Loaded, rows: number, target: BlockTarget): RowFault | undefined {
    const { labelWidth, columns } = this.#shape;
    const end = lead + block.end - block.begin;
    let begin = startOfRow(this.#text(length), lead);
    let done = 0;
    for (;;) {
      const part = this.#kernel.parseRows({ begin, end, length, maxRows: rows - done }, this.#shape);
      const fault = this.#settleOddFields(part, this.#text(length)) ?? this.#shapeFault(part);
      if (fault !== undefined)
        return { file: block.file, position: block.begin - lead + fault.at, problem: fault.problem };
      target.labels.set(part.labels, (target.firstRow + done) * labelWidth);
      target.features.set(part.features, (target.firstRow + done) * (columns - labelWidth));
      done += part.rows;
      begin = part.at;
      if (part.status === parseStatus.done) return undefined;
    }
  }

  #settleOddFields(
    part: ParseResult & { labels: Float32Array; features: Float32Array },
    text: Uint8Array,
  ): { at: number; problem: string } | undefined {
    const { labelWidth, columns } = this.#shape;
    for (const { row, column, at, length } of part.odd) {
      if (row >= part.rows) return undefined; // of the row whose shape is wrong, which is reported instead
      const word = fieldText(text, at, length);
      const value = readOddField(word);
      if (value === undefined) return { at, problem: notANumber(word, column) };
      if (column < labelWidth) part.labels[row * labelWidth + column] = value;
      else part.features[row * (columns - labelWidth) + column - labelWidth] = value;
    }
    return undefined;
  }

  #shapeFault(part: ParseResult): { at: number; problem: string } | undefined {
    if (part.status === parseStatus.done || part.status === parseStatus.oddFull) return undefined;
    const found = part.status === parseStatus.tooFewFields ? `${part.fields}` : `more than ${this.#shape.columns}`;
    return { at: part.at, problem: `expected ${this.#shape.columns} values as in the first row, found ${found}` };
  }

  /** Block and the byte before it, and enough after it for its last row to be whole. */
  #loadWhole(block: Block): Loaded {
    const size = this.#files[block.file]?.sizeBytes ?? 0;
    for (let tail = tailBytes; ; tail *= 4) {
      const { length, lead } = this.#load(block, tail);
      const text = this.#text(length);
      const atEnd = block.begin - lead + length >= size;
      if (atEnd || text.indexOf(0x0a, lead + block.end - block.begin - 1) >= 0) return { length, lead };
    }
  }

  #load(block: Block, tail: number): Loaded {
    const lead = block.begin === 0 ? 0 : 1;
    const size = this.#files[block.file]?.sizeBytes ?? 0;
    const wanted = Math.min(block.end + tail, size) - block.begin + lead;
    const text = this.#text(wanted);
    const descriptor = this.#descriptor(block.file);
    let length = 0;
    while (length < wanted) {
      const got = readSync(descriptor, text, length, wanted - length, block.begin - lead + length);
      if (got === 0) throw new Error(`${this.#files[block.file]?.name} became shorter while it was read`);
      length += got;
    }
    putCommas(text.subarray(0, length), this.#shape.delimiter);
    return { length, lead };
  }

  #text(length: number): Uint8Array {
    return this.#kernel.text(length, this.#shape.columns);
  }

  #descriptor(file: number): number {
    if (this.#open?.file === file) return this.#open.descriptor;
    this.close();
    const descriptor = openSync(this.#files[file]?.path ?? "", "r");
    this.#open = { file, descriptor };
    return descriptor;
  }
}

/** Where the first row begins that does so at or after `at`. */
function startOfRow(text: Uint8Array, at: number): number {
  return at === 0 ? markLength(text) : text.indexOf(0x0a, at - 1) + 1;
}

/** Length of a UTF-8 byte order mark, which some programs put first. */
export function markLength(text: Uint8Array): number {
  return text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? 3 : 0;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === undefined || byte === 0x0a || byte === 0x0d;
}

/** Names a field that is no number. */
function notANumber(word: string, column: number): string {
  const shown = word.length > 40 ? `${word.slice(0, 40)}...` : word;
  return `value ${column + 1} is not a number: '${shown}' (training files have numbers only, and no header)`;
}
