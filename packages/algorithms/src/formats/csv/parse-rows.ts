/**
 * Plain TypeScript twin of csv.as.ts: the same rows, statuses and odd fields, for small inputs (a request body, a small
 * file), where starting the kernel would cost more than it saves.
 */

/** Why reading rows ended. */
export const parseStatus = { done: 0, tooFewFields: 1, tooManyFields: 2, oddFull: 3 } as const;

/** Columns of a row: labels first, features after. */
export interface RowShape {
  readonly labelWidth: number;
  /** Labels and features together. */
  readonly columns: number;
  /** Byte between fields where it is no comma: readers put commas in its place. */
  readonly delimiter?: number | undefined;
}

/** Where rows are written, and from which row on. */
export interface RowTarget {
  /** Shape (rows, labelWidth). */
  readonly labels: Float32Array;
  /** Shape (rows, columns - labelWidth). */
  readonly features: Float32Array;
  readonly firstRow: number;
}

/** A field that is not a plain decimal number: quoted, a word for a missing value, or nonsense. */
export interface OddField {
  /** Counted from the first row of this call. */
  readonly row: number;
  readonly column: number;
  readonly at: number;
  readonly length: number;
}

/** What came of reading rows. */
export interface ParseResult {
  readonly status: number;
  /** Position where reading ended: of the faulty row, unless done. */
  readonly at: number;
  /** Fields that the faulty row has, as far as they were counted. */
  readonly fields: number;
  readonly rows: number;
  readonly odd: readonly OddField[];
}

const lf = 0x0a;
const cr = 0x0d;
const comma = 0x2c;
const minus = 0x2d;
const dot = 0x2e;
const zero = 0x30;
const quote = 0x22;

/** 10^0 to 10^22 are exact doubles. */
const exactPowers = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** Rows that begin in [begin, end) of `bytes`. */
export function countRows(bytes: Uint8Array, begin: number, end: number): number {
  let rows = 0;
  let at = begin === 0 || bytes[begin - 1] === lf ? begin : nextLine(bytes, begin);
  for (; at < end; at = nextLine(bytes, at)) if (bytes[at] !== lf && bytes[at] !== cr) rows++;
  return rows;
}

/** Behind the next line end; behind the last byte where there is none. */
function nextLine(bytes: Uint8Array, at: number): number {
  const found = bytes.indexOf(lf, at);
  return found < 0 ? bytes.length : found + 1;
}

/** Reads rows that begin in [begin, end); the last one may go on to the end of `bytes`. */
export function parseRows(
  bytes: Uint8Array,
  begin: number,
  end: number,
  shape: RowShape,
  target: RowTarget,
): ParseResult {
  const { labelWidth, columns } = shape;
  const featureWidth = columns - labelWidth;
  const odd: OddField[] = [];
  let rows = 0;
  let at = begin;
  while (at < end) {
    if (bytes[at] === lf || bytes[at] === cr) {
      at++;
      continue;
    }
    const start = at;
    const row = target.firstRow + rows;
    let column = 0;
    for (;;) {
      if (column === columns) return { status: parseStatus.tooManyFields, at: start, fields: column, rows, odd };
      const field = at;
      let value = readPlainNumber(bytes, at);
      at = cursor;
      if (Number.isNaN(value)) {
        at = fieldEnd(bytes, field);
        value = Number.NaN;
        if (!isBlank(bytes, field, at)) odd.push({ row: rows, column, at: field, length: at - field });
      }
      if (column < labelWidth) target.labels[row * labelWidth + column] = value;
      else target.features[row * featureWidth + column - labelWidth] = value;
      column++;
      if (bytes[at] !== comma) break;
      at++;
    }
    if (column !== columns) return { status: parseStatus.tooFewFields, at: start, fields: column, rows, odd };
    at++;
    rows++;
  }
  return { status: parseStatus.done, at, fields: 0, rows, odd };
}

/** Fields of the row that begins at `at`. */
export function countFields(bytes: Uint8Array, at: number): number {
  let fields = 1;
  for (let end = fieldEnd(bytes, at); bytes[end] === comma; end = fieldEnd(bytes, end + 1)) fields++;
  return fields;
}

/** Where readPlainNumber stopped. */
let cursor = 0;

/**
 * Reads a short decimal number that ends at a comma or at the end of its line.
 * @returns NaN when the field is anything else, or needs more care than this.
 */
function readPlainNumber(bytes: Uint8Array, field: number): number {
  let at = field;
  while (bytes[at] === 0x20) at++;
  const negative = bytes[at] === minus;
  if (negative) at++;
  const first = at;
  let mantissa = 0;
  let dotAt = -1;
  for (; ; at++) {
    const byte = bytes[at] ?? lf;
    const digit = byte - zero;
    if (digit >= 0 && digit <= 9) mantissa = mantissa * 10 + digit;
    else if (byte === dot && dotAt < 0) dotAt = at;
    else break;
  }
  const end = at;
  while (isSpace(bytes[at])) at++;
  cursor = at;
  const scale = dotAt < 0 ? 0 : end - dotAt - 1;
  const digits = end - first - (dotAt < 0 ? 0 : 1);
  if (digits === 0 || (at < bytes.length && bytes[at] !== comma && bytes[at] !== lf))
    return readLongNumber(bytes, field);
  // Up to 15 digits are exact, and so is a power of ten up to 22: one correctly rounded division.
  if (digits > 15) return readLongNumber(bytes, field);
  const value = scale === 0 ? mantissa : mantissa / (exactPowers[scale] ?? 1);
  return negative ? -value : value;
}

const decimal = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/;

function readLongNumber(bytes: Uint8Array, field: number): number {
  const end = fieldEnd(bytes, field);
  cursor = end;
  const text = fieldText(bytes, field, end - field);
  return decimal.test(text) ? Number(text) : Number.NaN;
}

/** The text of a field without blanks around it. */
export function fieldText(bytes: Uint8Array, at: number, length: number): string {
  let text = "";
  for (let i = at; i < at + length; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text.trim();
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === cr;
}

function isBlank(bytes: Uint8Array, begin: number, end: number): boolean {
  for (let at = begin; at < end; at++) if (!isSpace(bytes[at])) return false;
  return true;
}

/** The comma that ends the field at `at`, outside quotes, or else the end of its line or of the bytes. */
function fieldEnd(bytes: Uint8Array, at: number): number {
  let quoted = false;
  for (let end = at; end < bytes.length; end++) {
    const byte = bytes[end];
    if (byte === lf || (byte === comma && !quoted)) return end;
    if (byte === quote) quoted = !quoted;
  }
  return bytes.length;
}
