import { closeSync, openSync, readSync } from "node:fs";
import { CustomerError } from "../../job/errors.ts";
import { markLength } from "../csv/csv-blocks.ts";
import { rowError } from "../csv/row-error.ts";
import type { Table } from "../rows.ts";
import type { SourceFile } from "../source-file.ts";
import type { BlockParser } from "../stream/block-parser.ts";
import type { BlockPlace } from "../stream/block-plan.ts";
import type { RowRoom } from "../stream/row-room.ts";
import { parsePairs } from "./parse-pairs.ts";

/** Read past a block's end, since its last row may go on there; more is read where a row is longer. */
const tailBytes = 4096;
const lf = 0x0a;

/**
 * Reads blocks of CSV with a name and an IPv4 address in each row. The two "features" of a row are the name's hash and the
 * address, whole numbers of 32 bits in the memory of floats: `pairsOf` shows them, where they lie.
 */
export class PairParser implements BlockParser {
  readonly #files: readonly SourceFile[];
  #bytes = Buffer.alloc(0);
  #open: { readonly file: number; readonly descriptor: number } | undefined;

  constructor(files: readonly SourceFile[]) {
    this.#files = files;
  }

  parse(place: BlockPlace, room: RowRoom): Table {
    const lead = place.begin === 0 ? 0 : 1;
    const text = this.#read(place, lead);
    const begin = lead === 0 ? markLength(text) : text.indexOf(lf) + 1;
    const end = lead + place.end - place.begin;
    const most = linesIn(text, begin, end);
    room.reserve(most * 8);
    const values = room.floats(most * 2);
    // Where no row begins in the block, its text ends before its first line does.
    const isEmpty = lead === 1 && (begin === 0 || begin >= end);
    const pairs = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const { rows, fault } = isEmpty ? { rows: 0 } : parsePairs(text, begin, end, pairs);
    if (fault !== undefined) {
      const position = place.begin - lead + fault.at;
      throw rowError(this.#files, { file: place.file, position, problem: fault.problem });
    }
    const features = { kind: "dense", count: rows, width: 2, values: values.subarray(0, 2 * rows) } as const;
    return { features, labels: new Float32Array(), labelWidth: 0 };
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.descriptor);
    this.#open = undefined;
  }

  /** The block, the byte before it, and enough after it for its last row to be whole. */
  #read({ file, begin, end }: BlockPlace, lead: number): Uint8Array {
    const size = this.#files[file]?.sizeBytes ?? 0;
    for (let tail = tailBytes; ; tail *= 8) {
      const length = Math.min(end + tail, size) - begin + lead;
      if (this.#bytes.length < length) this.#bytes = Buffer.allocUnsafeSlow(length);
      this.#fill(file, begin - lead, length);
      const text = this.#bytes.subarray(0, length);
      if (begin - lead + length >= size || text.indexOf(lf, lead + end - begin - 1) >= 0) return text;
    }
  }

  #fill(file: number, position: number, length: number): void {
    if (this.#open?.file !== file) {
      this.close();
      this.#open = { file, descriptor: openSync(this.#files[file]?.path ?? "", "r") };
    }
    for (let got = 0; got < length; ) {
      const more = readSync(this.#open.descriptor, this.#bytes, got, length - got, position + got);
      if (more === 0) throw new CustomerError(`${this.#files[file]?.name} became shorter while it was read.`);
      got += more;
    }
  }
}

/** How many lines begin in [begin, end) at most. */
function linesIn(text: Uint8Array, begin: number, end: number): number {
  let lines = 0;
  for (let at = begin; at < end && at >= 0; lines++) at = text.indexOf(lf, at) + 1 || text.length;
  return lines;
}
