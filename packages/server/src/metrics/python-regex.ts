/** A regular expression that cannot be used here; the message says which part and why. */
export class UnsupportedRegex extends Error {
  override readonly name = "UnsupportedRegex";
}

/**
 * A Python regular expression as a JavaScript one. What Python spells otherwise is translated; what JavaScript lacks is
 * refused by name. `\d`, `\w` and `\s` mean ASCII, as under Python's `re.ASCII`.
 * @throws UnsupportedRegex.
 */
export function pythonRegex(source: string): RegExp {
  const flags = /^\(\?([aiLmsux]+)\)/.exec(source);
  if (flags?.[1]?.includes("x")) throw new UnsupportedRegex("the flag (?x) is not supported");
  const body = translate(source.slice(flags?.[0].length ?? 0));
  try {
    return new RegExp(body, (flags?.[1] ?? "").replace(/[^ims]/g, ""));
  } catch (error) {
    throw new UnsupportedRegex((error as Error).message.replace(/^Invalid regular expression: /, ""));
  }
}

function translate(source: string): string {
  let output = "";
  for (let at = 0; at < source.length; ) {
    const [text, end] = part(source, at);
    output += text;
    at = end;
  }
  return output;
}

/** One construct in JavaScript's spelling, and where the next begins. */
function part(source: string, at: number): readonly [text: string, end: number] {
  const character = source[at] as string;
  if (character === "\\") return [escaped(source.slice(at, at + 2)), at + 2];
  if (character === "[") return characterClass(source, at);
  if (character === "(" && source[at + 1] === "?") return extension(source, at);
  // Python's {,n} has a lower end of 0.
  if (character === "{" && /^\{,\d+\}/.test(source.slice(at))) return ["{0", at + 1];
  if (/^(?:[*+?]|\{\d*,?\d*\})\+/.test(source.slice(at)) && at > 0) {
    const possessive = /^(?:[*+?]|\{\d*,?\d*\})\+/.exec(source.slice(at))?.[0] as string;
    throw new UnsupportedRegex(`the possessive quantifier ${possessive} is not supported`);
  }
  return [character, at + 1];
}

function escaped(pair: string): string {
  if (pair === "\\A") return "^";
  if (pair === "\\Z" || pair === "\\z") return "$";
  if (pair === "\\a") return "\\x07";
  if (pair === "\\N") throw new UnsupportedRegex("\\N{...} is not supported");
  return pair;
}

/** A `]` that comes first stands for itself. */
function characterClass(source: string, at: number): readonly [string, number] {
  let end = source[at + 1] === "^" ? at + 2 : at + 1;
  let text = source.slice(at, end);
  if (source[end] === "]") {
    text += "\\]";
    end += 1;
  }
  while (end < source.length && source[end] !== "]") {
    const step = source[end] === "\\" ? 2 : 1;
    text += source.slice(end, end + step);
    end += step;
  }
  return [`${text}${source[end] ?? ""}`, end + 1];
}

/** What begins with `(?`. */
function extension(source: string, at: number): readonly [string, number] {
  const rest = source.slice(at);
  const comment = /^\(\?#[^)]*\)/.exec(rest);
  if (comment) return ["", at + comment[0].length];
  const back = /^\(\?P=(\w+)\)/.exec(rest);
  if (back) return [`\\k<${back[1]}>`, at + back[0].length];
  if (rest.startsWith("(?P<")) return ["(?<", at + 4];
  if (rest.startsWith("(?(")) throw new UnsupportedRegex("the conditional (?(...) is not supported");
  if (rest.startsWith("(?>")) throw new UnsupportedRegex("the atomic group (?>...) is not supported");
  if (/^\(\?[aiLmsux]+\)/.test(rest)) throw new UnsupportedRegex("flags must stand at the beginning");
  return ["(?", at + 2];
}

/** The literal text that every match begins with; empty where a pattern begins otherwise, or has alternatives. */
export function literalOpening({ flags, source }: RegExp): string {
  if (flags.includes("i") || source.includes("|")) return "";
  const opening = /^[\w #:,=<>-]*/.exec(source)?.[0] ?? "";
  // A quantifier after the text makes its last character optional or repeated.
  return /[?*+{]/.test(source[opening.length] ?? "") ? opening.slice(0, -1) : opening;
}
