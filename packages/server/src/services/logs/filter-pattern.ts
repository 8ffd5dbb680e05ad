import { invalidParameter } from "./errors.ts";

/**
 * A CloudWatch filter pattern of terms: all plain terms must occur, at least one of the `?` terms where there are any,
 * and none of the `-` terms. Terms are words or quoted phrases; case counts.
 * @throws InvalidParameterException for JSON, space-delimited and regular-expression patterns, which are not supported.
 */
export function filterPattern(pattern: string): (text: string) => boolean {
  const trimmed = pattern.trim();
  if (/^[{[%]/.test(trimmed)) {
    throw invalidParameter(`Only filter patterns of terms are supported, not ${JSON.stringify(pattern)}.`);
  }
  const all: string[] = [];
  const any: string[] = [];
  const none: string[] = [];
  for (const [, sign, quoted, word] of trimmed.matchAll(/([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))/g)) {
    const term = quoted?.replace(/\\(.)/g, "$1") ?? (word as string);
    (sign === "?" ? any : sign === "-" ? none : all).push(term);
  }
  return (text) =>
    all.every((term) => text.includes(term)) &&
    (any.length === 0 || any.some((term) => text.includes(term))) &&
    !none.some((term) => text.includes(term));
}
