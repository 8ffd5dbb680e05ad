import { CustomerError } from "../../job/errors.ts";
import { cleanField, type RawTable } from "./raw-table.ts";

/** Where a record is at fault is told by its number, counted from 1 with the header. */
export interface DelimitedOptions {
  /** For errors. */
  readonly file: string;
  /** Whether the first record names the columns; without one they are called as in `names`, or `_c0`, `_c1`, … */
  readonly hasHeader: boolean;
  /** Names that the file must have, in this order, where an earlier file had them. */
  readonly names?: readonly string[];
}

/**
 * Reads CSV as RFC 4180 has it: quoted fields may hold commas, line ends and doubled quotes.
 * @throws CustomerError naming the file and the record that has another number of fields than the first.
 */
export function readDelimited(text: string, options: DelimitedOptions): RawTable {
  const { file, hasHeader } = options;
  const records = recordsOf(text.startsWith("\uFEFF") ? text.slice(1) : text, file);
  const first = hasHeader ? records.next() : undefined;
  if (first?.done) throw new CustomerError(`${file} is empty: it has not even a header.`);
  let names = first === undefined ? options.names : checkHeader(first.value, file, options.names);
  let columns: string[][] = names?.map(() => []) ?? [];
  let number = hasHeader ? 1 : 0;
  for (const record of records) {
    number += 1;
    if (names === undefined) {
      names = record.map((_, index) => `_c${index}`);
      columns = names.map(() => []);
    }
    if (record.length !== names.length) {
      throw new CustomerError(
        `${file}, record ${number}: it has ${record.length} field(s) where ${names.length} are expected.`,
      );
    }
    for (const [index, field] of record.entries()) (columns[index] as string[]).push(cleanField(field));
  }
  return { names: names ?? [], count: columns[0]?.length ?? 0, columns };
}

function checkHeader(header: readonly string[], file: string, expected: readonly string[] | undefined): string[] {
  const names = header.map((name) => name.trim());
  const empty = names.indexOf("");
  if (empty >= 0) throw new CustomerError(`${file}: column ${empty + 1} of the header has no name.`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new CustomerError(`${file}: the header has the column '${twice}' twice.`);
  if (expected && (expected.length !== names.length || expected.some((name, index) => name !== names[index]))) {
    throw new CustomerError(
      `${file} has the columns ${names.join(", ")} where ${expected.join(", ")} are expected, in this order.`,
    );
  }
  return names;
}

function* recordsOf(text: string, file: string): Generator<string[], undefined> {
  for (let at = 0; at < text.length; ) {
    const end = lineEnd(text, at);
    const line = text.slice(at, end);
    if (!line.includes('"')) {
      at = end + (text[end] === "\r" ? 2 : 1);
      if (line !== "") yield line.split(",");
      continue;
    }
    const quoted = quotedRecord(text, at, file);
    at = quoted.next;
    yield quoted.fields;
  }
  return undefined;
}

/** Where a line ends that has no quotes: before CR LF, or before LF. */
function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  if (end < 0) return text.length;
  return end > from && text[end - 1] === "\r" ? end - 1 : end;
}

function quotedRecord(text: string, from: number, file: string): { fields: string[]; next: number } {
  const fields: string[] = [];
  let at = from;
  for (;;) {
    let field = "";
    if (text[at] === '"') {
      at += 1;
      for (;;) {
        const close = text.indexOf('"', at);
        if (close < 0) throw new CustomerError(`${file}: a quoted field is not closed: ${text.slice(at, at + 40)}`);
        field += text.slice(at, close);
        at = close + 1;
        if (text[at] !== '"') break;
        field += '"';
        at += 1;
      }
    }
    const stop = nextStop(text, at);
    field += text.slice(at, stop);
    fields.push(field);
    at = stop;
    if (text[at] === ",") {
      at += 1;
      continue;
    }
    return { fields, next: at + (text[at] === "\r" ? 2 : 1) };
  }
}

function nextStop(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== "," && text[at] !== "\n" && !(text[at] === "\r" && text[at + 1] === "\n")) {
    at += 1;
  }
  return at;
}

/** A field as CSV has it. */
export function quoteField(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** Writes a table with its header. */
export function writeDelimited({ names, count, columns }: RawTable): string {
  const lines = [names.map(quoteField).join(",")];
  for (let row = 0; row < count; row++)
    lines.push(columns.map((column) => quoteField(column[row] as string)).join(","));
  return `${lines.join("\n")}\n`;
}
