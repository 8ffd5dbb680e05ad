import { invalidPath, type JsonPathStep } from "./step.ts";

/** A step and the character behind it. */
interface Read {
  readonly step: JsonPathStep;
  readonly end: number;
}

/** Names that need no quotes: everything but what means something in a path, and blanks. */
const plainName = /[^\s.[\]*'"()?@,:]+/y;
const wholeNumber = /\s*(-?\d{1,9})\s*/y;

/**
 * Reads the step that begins at a character.
 * @throws JsonPathError
 */
export function readStep(text: string, at: number): Read {
  if (text[at] === "[") return readBracket(text, at);
  if (text[at] !== ".") throw invalidPath(text, `expected . or [ at character ${at + 1}`);
  const next = text[at + 1];
  if (next === ".") throw invalidPath(text, "recursive descent (..) is not supported");
  if (next === "[") return readBracket(text, at + 1);
  if (next === "*") return { step: { kind: "all" }, end: at + 2 };
  plainName.lastIndex = at + 1;
  const name = plainName.exec(text)?.[0];
  if (name === undefined) throw invalidPath(text, `expected a name at character ${at + 2}`);
  return { step: { kind: "key", name }, end: at + 1 + name.length };
}

function readBracket(text: string, open: number): Read {
  const first = skipBlanks(text, open + 1);
  switch (text[first]) {
    case "*":
      return { step: { kind: "all" }, end: closed(text, first + 1) };
    case "'":
    case '"':
      return readKeys(text, first);
    case "?":
    case "(":
      throw invalidPath(text, "filters are not supported");
    default:
      return readNumbers(text, open + 1);
  }
}

function readKeys(text: string, first: number): Read {
  const names: string[] = [];
  let at = first;
  for (;;) {
    const { name, end } = readQuoted(text, at);
    names.push(name);
    at = skipBlanks(text, end);
    if (text[at] !== ",") break;
    at = skipBlanks(text, at + 1);
  }
  const [name] = names;
  const step: JsonPathStep = names.length === 1 && name !== undefined ? { kind: "key", name } : { kind: "keys", names };
  return { step, end: closed(text, at) };
}

/** A quoted name; a backslash keeps the next character as it is. */
function readQuoted(text: string, at: number): { name: string; end: number } {
  const quote = text[at];
  if (quote !== "'" && quote !== '"') throw invalidPath(text, `expected a quoted name at character ${at + 1}`);
  let name = "";
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === quote) return { name, end: i + 1 };
    if (text[i] === "\\") i += 1;
    name += text[i] ?? "";
  }
  throw invalidPath(text, `the name that begins at character ${at + 1} is not closed`);
}

/** `[n]`, `[n,m]` or `[from:to]`. */
function readNumbers(text: string, at: number): Read {
  const end = text.indexOf("]", at);
  if (end < 0) throw invalidPath(text, `the bracket at character ${at} is not closed`);
  const inside = text.slice(at, end);
  if (inside.includes(":")) return { step: sliceOf(text, inside), end: end + 1 };
  const indices = inside.split(",").map((part) => numberOf(text, part));
  const [index] = indices;
  const step: JsonPathStep =
    indices.length === 1 && index !== undefined ? { kind: "index", index } : { kind: "indices", indices };
  return { step, end: end + 1 };
}

function sliceOf(text: string, inside: string): JsonPathStep {
  const bounds = inside.split(":").map((bound) => bound.trim());
  const [from = "", to = ""] = bounds;
  // The service's own words, as a job that mixed a list and a range was told.
  if (bounds.length !== 2 || inside.includes(",")) {
    throw invalidPath(text, "only single range filters of format (eg: [1:5]) are supported");
  }
  return {
    kind: "slice",
    ...(from !== "" && { from: numberOf(text, from) }),
    ...(to !== "" && { to: numberOf(text, to) }),
  };
}

function numberOf(text: string, part: string): number {
  wholeNumber.lastIndex = 0;
  const digits = wholeNumber.exec(part);
  if (digits === null || wholeNumber.lastIndex !== part.length) {
    throw invalidPath(
      text,
      `expected a whole number, * or a quoted name in brackets, got ${JSON.stringify(part.trim())}`,
    );
  }
  return Number(digits[1]);
}

function closed(text: string, at: number): number {
  const end = skipBlanks(text, at);
  if (text[end] !== "]") throw invalidPath(text, `expected ] at character ${end + 1}`);
  return end + 1;
}

function skipBlanks(text: string, at: number): number {
  let end = at;
  while (text[end] === " ") end += 1;
  return end;
}
