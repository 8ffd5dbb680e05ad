import { readStep } from "./read-step.ts";
import { invalidPath, type JsonPathStep } from "./step.ts";

/** A path taken apart. */
export interface JsonPath {
  readonly text: string;
  readonly steps: readonly JsonPathStep[];
}

/** The path that selects the whole value. */
export const wholeValue: JsonPath = { text: "$", steps: [] };

/**
 * Reads a path of the subset that batch transform has: `$`, `.name`, `*`, `['a','b']`, `[n]`, `[n,m]`, `[from:to]`. A dot
 * may stand before a bracket. There are no filters, no recursive descent, and no paths within brackets.
 * @throws JsonPathError saying what was expected, and at which character.
 */
export function parseJsonPath(text: string): JsonPath {
  if (!text.startsWith("$")) throw invalidPath(text, "a path begins with $");
  const steps: JsonPathStep[] = [];
  let at = 1;
  while (at < text.length) {
    const { step, end } = readStep(text, at);
    steps.push(step);
    at = end;
  }
  return { text, steps };
}

/** Whether a path is nothing but the whole value. */
export function isWhole({ steps }: JsonPath): boolean {
  return steps.length === 0;
}
