import { hashBytes } from "./hash.ts";
import { readAddress } from "./ipv4.ts";

/** What is wrong with a row, and where it begins. */
export interface PairFault {
  readonly at: number;
  readonly problem: string;
}

const [lf, cr, comma, quote, space] = [0x0a, 0x0d, 0x2c, 0x22, 0x20];

/**
 * Reads rows of two values, a name and an IPv4 address, that begin in [begin, end); the last may go on after it.
 * @param target - Takes two numbers for each row: the name's hash and the address.
 * @returns How many rows there were; what is wrong with the first that is none.
 */
export function parsePairs(
  bytes: Uint8Array,
  begin: number,
  end: number,
  target: Uint32Array,
): { readonly rows: number; readonly fault?: PairFault } {
  let rows = 0;
  let at = begin;
  while (at < end) {
    if (bytes[at] === lf || bytes[at] === cr) {
      at++;
      continue;
    }
    const start = at;
    const line = lineEnd(bytes, at);
    const name = readField(bytes, at, line);
    if (name === undefined) return { rows, fault: { at: start, problem: "a quote is not closed on its line" } };
    if (name.next >= line)
      return { rows, fault: { at: start, problem: "expected 2 values, an entity and an IPv4 address, found 1" } };
    const address = readField(bytes, name.next + 1, line);
    if (address === undefined) return { rows, fault: { at: start, problem: "a quote is not closed on its line" } };
    if (address.next < line) {
      return { rows, fault: { at: start, problem: "expected 2 values, an entity and an IPv4 address, found more" } };
    }
    if (name.end === name.begin) return { rows, fault: { at: start, problem: "value 1, the entity, is empty" } };
    const ip = readAddress(bytes, address.begin, address.end);
    if (ip === undefined) {
      const text = Buffer.from(bytes.subarray(address.begin, Math.min(address.end, address.begin + 40))).toString();
      const problem = `value 2 is not an IPv4 address in dotted form: '${text}' (training files have no header)`;
      return { rows, fault: { at: start, problem } };
    }
    target[2 * rows] = name.hash;
    target[2 * rows + 1] = ip;
    rows++;
    at = line + 1;
  }
  return { rows };
}

interface Field {
  readonly begin: number;
  readonly end: number;
  /** Where the comma after it is, or the line's end. */
  readonly next: number;
  readonly hash: number;
}

function readField(bytes: Uint8Array, from: number, line: number): Field | undefined {
  if (bytes[from] === quote) return readQuoted(bytes, from, line);
  let next = from;
  while (next < line && bytes[next] !== comma) next++;
  let [begin, end] = [from, next];
  while (begin < end && isBlank(bytes[begin])) begin++;
  while (end > begin && isBlank(bytes[end - 1])) end--;
  return { begin, end, next, hash: hashBytes(bytes, begin, end) };
}

/** A quoted field may have commas, and quotes written twice. */
function readQuoted(bytes: Uint8Array, from: number, line: number): Field | undefined {
  let hasQuote = false;
  let end = from + 1;
  for (; ; end++) {
    if (end >= line) return undefined;
    if (bytes[end] !== quote) continue;
    if (bytes[end + 1] !== quote || end + 1 >= line) break;
    hasQuote = true;
    end++;
  }
  let next = end + 1;
  while (next < line && isBlank(bytes[next])) next++;
  if (next < line && bytes[next] !== comma) return undefined;
  const begin = from + 1;
  if (!hasQuote) return { begin, end, next, hash: hashBytes(bytes, begin, end) };
  const text = Buffer.from(Buffer.from(bytes.subarray(begin, end)).toString("latin1").replaceAll('""', '"'), "latin1");
  return { begin, end, next, hash: hashBytes(text, 0, text.length) };
}

function lineEnd(bytes: Uint8Array, at: number): number {
  const end = bytes.indexOf(lf, at);
  return end < 0 ? bytes.length : end;
}

function isBlank(byte: number | undefined): boolean {
  return byte === space || byte === 0x09 || byte === cr;
}
