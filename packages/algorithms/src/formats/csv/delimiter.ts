const comma = 0x2c;
/** What files use in place of commas, in the order in which they are thought of. */
const others = [";", "\t", "|", " "].map((character) => character.charCodeAt(0));

/** The delimiter that a first line uses. @returns undefined for a comma, or where there is only one field. */
export function delimiterOf(text: Uint8Array, begin: number): number | undefined {
  const found = text.indexOf(0x0a, begin);
  const line = text.subarray(begin, found < 0 ? text.length : found);
  return line.includes(comma) ? undefined : others.find((each) => line.includes(each));
}

/** Writes commas over another delimiter. */
export function putCommas(text: Uint8Array, delimiter: number | undefined): void {
  if (delimiter === undefined) return;
  for (let at = text.indexOf(delimiter); at >= 0; at = text.indexOf(delimiter, at + 1)) text[at] = comma;
}
