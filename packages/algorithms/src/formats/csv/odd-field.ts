/** Words that stand for a missing value, as pandas takes and writes them. */
const missing = new Set(["", "nan", "na", "n/a", "#n/a", "<na>", "null", "none", "-nan"]);
const infinite = /^([+-]?)inf(inity)?$/i;
const decimal = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/;

/**
 * Reads a field that is not a plain decimal number: quoted numbers, infinities, words for missing values (NaN).
 * @returns undefined when it is no number at all.
 */
export function readOddField(text: string): number | undefined {
  const bare = unquote(text.trim());
  if (decimal.test(bare)) return Number(bare);
  const infinity = infinite.exec(bare);
  if (infinity !== null) return infinity[1] === "-" ? -Infinity : Infinity;
  return missing.has(bare.toLowerCase()) ? Number.NaN : undefined;
}

function unquote(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).trim() : text;
}
