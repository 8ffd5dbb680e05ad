import { closeSync, openSync, readSync } from "node:fs";
import { CustomerError } from "../../job/errors.ts";
import { BlockReader } from "../csv/csv-blocks.ts";
import type { RowShape } from "../csv/parse-rows.ts";
import { rowError } from "../csv/row-error.ts";
import { PairParser } from "../pairs/pair-reader.ts";
import { framesIn } from "../recordio-protobuf/frames.ts";
import { PlainRow } from "../recordio-protobuf/plain-row.ts";
import { SparseKernel } from "../recordio-protobuf/sparse-kernel.ts";
import { TableFiller, TableMeasure } from "../recordio-protobuf/table-builder.ts";
import type { Table } from "../rows.ts";
import type { SourceFile } from "../source-file.ts";
import type { BlockPlace } from "./block-plan.ts";
import type { RowRoom } from "./row-room.ts";

/** What a thread must know to read blocks. */
export interface ParserPlan {
  readonly format: "csv" | "recordio" | "pairs";
  readonly files: readonly SourceFile[];
  readonly shape: RowShape;
  /** Whether sparse rows are filled up with zeros. */
  readonly isDense: boolean;
}

/** Reads blocks of one format. Every thread has one of its own. */
export interface BlockParser {
  /**
   * Reads a block's rows into memory that `room` gives.
   * @throws CustomerError naming file and line, or record, of the first row that does not fit.
   */
  parse(place: BlockPlace, room: RowRoom): Table;
  close(): void;
}

/** Makes the parser of a plan's format. */
export function openParser(plan: ParserPlan): BlockParser {
  switch (plan.format) {
    case "csv":
      return new CsvParser(plan);
    case "recordio":
      return new RecordIoParser(plan);
    case "pairs":
      return new PairParser(plan.files);
  }
}

class CsvParser implements BlockParser {
  readonly #plan: ParserPlan;
  readonly #reader: BlockReader;

  constructor(plan: ParserPlan) {
    this.#plan = plan;
    this.#reader = new BlockReader(plan.files, plan.shape);
  }

  parse(place: BlockPlace, room: RowRoom): Table {
    const { labelWidth, columns } = this.#plan.shape;
    const width = columns - labelWidth;
    const { rows, labels, features, fault } = this.#reader.readAll(place, (count) => {
      room.reserve(count * columns * 4);
      return { labels: room.floats(count * labelWidth), features: room.floats(count * width) };
    });
    if (fault !== undefined) throw rowError(this.#plan.files, fault);
    return { features: { kind: "dense", count: rows, width, values: features }, labels, labelWidth };
  }

  close(): void {
    this.#reader.close();
  }
}

class RecordIoParser implements BlockParser {
  readonly #plan: ParserPlan;
  readonly #row = new PlainRow();
  /** For sparse rows, until one comes that it does not read: then others are likely to follow. */
  #kernel: SparseKernel | undefined;
  #bytes = Buffer.alloc(0);
  #open: { readonly file: number; readonly descriptor: number } | undefined;

  constructor(plan: ParserPlan) {
    this.#plan = plan;
    this.#kernel = plan.isDense ? undefined : SparseKernel.open();
  }

  parse(place: BlockPlace, room: RowRoom): Table {
    const { shape, files, isDense } = this.#plan;
    const { name = "" } = files[place.file] ?? {};
    const length = place.end - place.begin;
    if (this.#kernel !== undefined) {
      this.#read(place, name, this.#kernel.bytes(length));
      const table = this.#kernel.parse(length, shape, room);
      if (table !== undefined) return table;
      this.#kernel = undefined;
    }
    if (this.#bytes.length < length) this.#bytes = Buffer.allocUnsafeSlow(length);
    const bytes = this.#bytes.subarray(0, length);
    this.#read(place, name, bytes);
    const measure = new TableMeasure(shape.labelWidth, shape.columns - shape.labelWidth);
    for (const frame of framesIn(bytes, name, place.firstRecord)) {
      this.#row.read(frame);
      measure.add(this.#row);
    }
    const filler = new TableFiller({ ...measure.size, ...(isDense ? { entries: undefined } : {}) }, room);
    for (const frame of framesIn(bytes, name, place.firstRecord)) {
      this.#row.read(frame);
      filler.add(this.#row);
    }
    return filler.table;
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.descriptor);
    this.#open = undefined;
  }

  #read({ file, begin, end }: BlockPlace, name: string, target: Uint8Array): void {
    if (this.#open?.file !== file) {
      this.close();
      this.#open = { file, descriptor: openSync(this.#plan.files[file]?.path ?? "", "r") };
    }
    const length = end - begin;
    for (let got = 0; got < length; ) {
      const more = readSync(this.#open.descriptor, target, got, length - got, begin + got);
      if (more === 0) throw new CustomerError(`${name} became shorter while it was read.`);
      got += more;
    }
  }
}
