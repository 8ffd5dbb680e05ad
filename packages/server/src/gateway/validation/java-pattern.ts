/**
 * Compiles a Java regular expression, to be matched against the whole text. The models' patterns are nearly all valid
 * JavaScript; what is not is rewritten here.
 * @returns `undefined` when it has no JavaScript form.
 */
export function compilePattern(pattern: string): RegExp | undefined {
  const translated = translate(pattern);
  // With `u`, `\p{L}` has its meaning; without it, Java's needless escapes (`\:`, `\_`) are allowed.
  for (const [source, flags] of [
    [translated, "u"],
    [dropNeedlessEscapes(translated), "u"],
    [translated, ""],
  ] as const) {
    try {
      return new RegExp(`^(?:${source})$`, flags);
    } catch {
      // Not valid in this mode: try the next.
    }
  }
  return undefined;
}

/** Java's ASCII classes, as they stand inside brackets. */
const classes: Readonly<Record<string, string>> = {
  Alnum: "a-zA-Z0-9",
  Print: "\\x20-\\x7e",
  Alpha: "a-zA-Z",
  Digit: "0-9",
};

const asciiClass = /\\p\{(Alnum|Print|Alpha|Digit)\}/g;
const brackets = /\[(?:\\.|[^\]\\])*\]/g;

function translate(pattern: string): string {
  return (
    pattern
      .replaceAll(brackets, (text) => text.replaceAll(asciiClass, (_, name: string) => classes[name] as string))
      .replaceAll(asciiClass, (_, name: string) => `[${classes[name]}]`)
      .replaceAll("\\A", "^")
      .replaceAll("\\z", "$")
      // An anchor with a quantifier, which Java takes and which says nothing.
      .replaceAll(/\$\{\d+,\d*\}/g, "$")
  );
}

function dropNeedlessEscapes(pattern: string): string {
  return pattern.replaceAll(/\\([:_ "'=@,&;%#~<>!`])/g, "$1").replaceAll("[\\w-_]", "[\\w\\-_]");
}
