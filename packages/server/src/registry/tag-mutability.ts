import type { TagMutability } from "./registry-records.ts";

/** Whether a tag that is there may be moved to another image. */
export function isMutable({ mutable, except }: TagMutability, tag: string): boolean {
  return except.some((pattern) => fitsWildcard(pattern, tag)) ? !mutable : mutable;
}

/** `*` stands for any text, any number of times; matched without backtracking, as patterns come from callers. */
export function fitsWildcard(pattern: string, text: string): boolean {
  const parts = pattern.split("*");
  const first = parts.shift() as string;
  const last = parts.pop();
  if (last === undefined) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}
