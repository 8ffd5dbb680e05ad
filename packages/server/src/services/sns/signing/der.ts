/**
 * The little of ASN.1's DER that a certificate needs: every function returns one encoded value.
 * @see ITU-T X.690, sections 8 and 10.
 */

/** One value: tag, length, content. */
function value(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const size = content.length;
  if (size < 0x80) return Buffer.concat([Buffer.from([tag, size]), content]);
  const bytes: number[] = [];
  for (let rest = size; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length, ...bytes]), content]);
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => value(0x30, ...items);
export const set = (...items: readonly Uint8Array[]): Buffer => value(0x31, ...items);
export const utf8 = (text: string): Buffer => value(0x0c, Buffer.from(text, "utf8"));
export const nothing = (): Buffer => value(0x05);
/** `[tag]`, around a value. */
export const explicit = (tag: number, item: Uint8Array): Buffer => value(0xa0 | tag, item);
/** Whole bytes, no bits unused. */
export const bitString = (bytes: Uint8Array): Buffer => value(0x03, Buffer.from([0]), bytes);
/** @param magnitude - Big-endian, of a number that is not negative. */
export const integer = (magnitude: Uint8Array): Buffer =>
  value(0x02, (magnitude[0] ?? 0) >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0), magnitude);

/** @param dotted - `1.2.840.113549`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...arcs] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of arcs) {
    const digits = [arc & 0x7f];
    for (let rest = arc >>> 7; rest > 0; rest >>>= 7) digits.unshift(0x80 | (rest & 0x7f));
    bytes.push(...digits);
  }
  return value(0x06, Buffer.from(bytes));
}

/** A moment, to the second, in the form that RFC 5280 (4.1.2.5) asks for. */
export function time(moment: Date): Buffer {
  const digits = `${moment.toISOString().slice(0, 19).replaceAll(/[-T:]/gu, "")}Z`;
  return moment.getUTCFullYear() < 2050 ? value(0x17, Buffer.from(digits.slice(2))) : value(0x18, Buffer.from(digits));
}
