import { decompress } from "./decompress.ts";
import { encoding, readByteStreamSplit, readDeltas, readPlain, readRuns } from "./encodings.ts";
import { type ColumnChunk, integer, type ParquetColumn, ParquetFault } from "./file-metadata.ts";
import { readThrift, type ThriftStruct } from "./thrift.ts";

/** Parquet's numbers of page types. */
const page = { data: 0, dictionary: 2, dataV2: 3 } as const;

type Values = Float32Array | Float64Array;

/** Where the values of a column go: every `stride` numbers from `offset` on. */
export interface ColumnTarget {
  readonly values: Float32Array | Float64Array;
  readonly offset: number;
  readonly stride: number;
}

/**
 * Reads the pages of a column straight to the places of its values; missing ones become NaN.
 * @throws ParquetFault, RangeError when the bytes are not what they should be.
 */
export function readColumn(
  bytes: Buffer,
  column: ParquetColumn,
  { codec }: ColumnChunk,
  rows: number,
  target: ColumnTarget,
): void {
  let dictionary: Values | undefined;
  readPages(bytes, column, codec, rows, {
    dictionary: (values, count) => {
      dictionary = readPlain(values, column, count);
    },
    data: (read, done) => place(read, column, dictionary, target, done),
  });
}

/** What is done with a column's pages. */
export interface PageReader {
  /** @param values - In plain encoding. */
  dictionary(values: Buffer, count: number): void;
  /** @param done - Rows of the group before these. */
  data(page: DataPage, done: number): void;
}

/** Unpacks the pages of a column one after the other. @throws ParquetFault, RangeError. */
export function readPages(bytes: Buffer, column: ParquetColumn, codec: number, rows: number, reader: PageReader): void {
  let at = 0;
  for (let done = 0; done < rows; ) {
    const { value: head, end } = readThrift(bytes, at);
    const size = integer(head.get(2));
    const packed = integer(head.get(3));
    const body = bytes.subarray(end, end + packed);
    at = end + packed;
    if (body.length < packed) throw new ParquetFault(`column '${column.name}' goes past its end`);
    const type = integer(head.get(1));
    if (type === page.dictionary) {
      const about = structOf(head, 7);
      reader.dictionary(decompress(codec, body, size), integer(about.get(1)));
    } else if (type === page.data || type === page.dataV2) {
      const read =
        type === page.data ? dataPage(head, body, size, codec, column) : dataPageV2(head, body, size, codec, column);
      if (done + read.count > rows)
        throw new ParquetFault(`column '${column.name}' has more values than its group has rows`);
      reader.data(read, done);
      done += read.count;
    }
  }
}

/** Values of some rows that follow each other. */
export interface DataPage {
  readonly count: number;
  readonly encoding: number;
  /** Which rows have a value; undefined when all have. */
  readonly present: Uint32Array | undefined;
  readonly values: Buffer;
}

function dataPage(
  head: ThriftStruct,
  body: Buffer,
  size: number,
  codec: number,
  { optional }: ParquetColumn,
): DataPage {
  const about = structOf(head, 5);
  const count = integer(about.get(1));
  const bytes = decompress(codec, body, size);
  const kind = integer(about.get(2));
  if (!optional) return { count, encoding: kind, present: undefined, values: bytes };
  const levels = bytes.readUInt32LE(0);
  const present = readRuns(bytes, 4, 1, count).values;
  return { count, encoding: kind, present, values: bytes.subarray(4 + levels) };
}

function dataPageV2(
  head: ThriftStruct,
  body: Buffer,
  size: number,
  codec: number,
  { optional }: ParquetColumn,
): DataPage {
  const about = structOf(head, 8);
  const count = integer(about.get(1));
  const levels = integer(about.get(5)) + integer(about.get(6));
  const isPacked = about.get(7) !== false;
  const rest = body.subarray(levels);
  return {
    count,
    encoding: integer(about.get(4)),
    present: optional ? readRuns(body, integer(about.get(6)), 1, count).values : undefined,
    values: isPacked ? decompress(codec, rest, size - levels) : rest,
  };
}

function place(
  { count, encoding: kind, present, values: bytes }: DataPage,
  column: ParquetColumn,
  dictionary: Values | undefined,
  target: ColumnTarget,
  firstRow: number,
): void {
  const have = present === undefined ? count : present.reduce((sum, each) => sum + each, 0);
  const values = decode(bytes, kind, column, have, dictionary);
  const { values: into, stride } = target;
  let to = target.offset + firstRow * stride;
  if (present === undefined) {
    for (let i = 0; i < count; i++, to += stride) into[to] = values[i] as number;
    return;
  }
  for (let i = 0, next = 0; i < count; i++, to += stride)
    into[to] = present[i] === 1 ? (values[next++] as number) : Number.NaN;
}

function decode(
  bytes: Buffer,
  kind: number,
  column: ParquetColumn,
  count: number,
  dictionary: Values | undefined,
): Values {
  switch (kind) {
    case encoding.plain:
      return readPlain(bytes, column, count);
    case encoding.plainDictionary:
    case encoding.rleDictionary: {
      if (dictionary === undefined) throw new ParquetFault(`column '${column.name}' lacks its dictionary`);
      const values = new Float64Array(count);
      if (count === 0) return values;
      const { values: codes } = readRuns(bytes, 1, bytes.readUInt8(0), count);
      for (let i = 0; i < count; i++) values[i] = dictionary[codes[i] as number] ?? Number.NaN;
      return values;
    }
    case encoding.rle:
      return Float64Array.from(readRuns(bytes, 4, 1, count).values);
    case encoding.deltaBinary:
      return readDeltas(bytes, column, count);
    case encoding.byteStreamSplit:
      return readByteStreamSplit(bytes, column, count);
    default:
      throw new ParquetFault(`column '${column.name}' has encoding ${kind}, which is not read here`);
  }
}

function structOf(head: ThriftStruct, id: number): ThriftStruct {
  const value = head.get(id);
  if (!(value instanceof Map)) throw new ParquetFault("a page has no description");
  return value as ThriftStruct;
}
