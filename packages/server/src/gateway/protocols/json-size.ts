import { limits } from "../limits.ts";

/** A body of fewer bytes cannot hold too much. */
const smallBytes = 64 * 1024;

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openObject, closeObject, openList, closeList] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * Says why a JSON body holds more than any operation asks for: each structure costs parser and codec microseconds of the one
 * thread that all callers share, however few bytes it takes. Looks at the bytes alone, before anything is made of them;
 * what is not JSON is the parser's to say.
 * @returns A sentence, or `undefined` when there is nothing to say.
 */
export function tooMuch(bytes: Uint8Array): string | undefined {
  if (bytes.length < smallBytes) return undefined;
  let containers = 0;
  // Members so far of each structure that is open; a list has -1.
  const open: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) at = endOfText(bytes, at);
    else if (byte === openObject || byte === openList) {
      containers += 1;
      if (containers > limits.jsonContainers) {
        return `The body holds more than ${limits.jsonContainers} structures and lists.`;
      }
      open.push(byte === openList ? -1 : 1);
    } else if (byte === closeObject || byte === closeList) open.pop();
    else if (byte === comma) {
      const members = open.at(-1) ?? -1;
      if (members >= limits.jsonMembers) {
        return `The body holds a structure or map with more than ${limits.jsonMembers} members.`;
      }
      if (members > 0) open[open.length - 1] = members + 1;
    }
  }
  return undefined;
}

/** @returns Where the text that begins at a quotation mark ends; the end of all where it does not. */
function endOfText(bytes: Uint8Array, begin: number): number {
  let end = begin;
  for (;;) {
    end = bytes.indexOf(quote, end + 1);
    if (end === -1) return bytes.length;
    let escapes = 0;
    while (bytes[end - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
}
