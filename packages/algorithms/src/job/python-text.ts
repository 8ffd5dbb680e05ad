/** SageMaker's algorithms are Python programs; tools that read their logs know Python's way of writing values. */

/** What Python's `json.dumps` writes: a blank after each comma and colon, and NaN and Infinity as words. */
export function pythonJson(value: unknown): string {
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${pythonJson(member)}`);
    return `{${members.join(", ")}}`;
  }
  return JSON.stringify(value ?? null);
}

/** What Python's `repr` writes for a dictionary of strings. */
export function pythonDictionary(entries: Readonly<Record<string, string>>): string {
  return `{${Object.entries(entries)
    .map(([name, value]) => `${quote(name)}: ${quote(value)}`)
    .join(", ")}}`;
}

function quote(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return escaped.includes("'") && !escaped.includes('"') ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`;
}
