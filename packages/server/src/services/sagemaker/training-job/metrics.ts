import { LogFile } from "../../logs/log-file.ts";
import type { FinalMetric } from "./training-job.ts";

/** A name and a regular expression in Python's dialect whose first group is the value. */
export interface MetricDefinition {
  readonly name: string;
  readonly regex: string;
}

/**
 * Reads the last value of every metric off a log file, from its end backwards: most metrics are found in the last lines.
 * @returns In order of the definitions; metrics that never appeared are left out, as are values that are no finite
 * number.
 */
export async function finalMetrics(file: string, definitions: readonly MetricDefinition[]): Promise<FinalMetric[]> {
  const patterns = definitions.flatMap(({ name, regex }) => {
    const pattern = pythonRegex(regex);
    return pattern ? [{ name, pattern, opening: literalOpening(pattern) }] : [];
  });
  const last = new Map<string, FinalMetric>();
  let wanted = patterns;
  // Few openings stand for many patterns, and most lines of a long log have none of them.
  let openings = new Set(wanted.map(({ opening }) => opening));
  const log = await LogFile.open(file);
  try {
    if (wanted.length === 0) return [];
    for await (const line of log.backward(log.completeBytes)) {
      if (![...openings].some((opening) => line.text.includes(opening))) continue;
      for (const { name, pattern, opening } of wanted) {
        if (!line.text.includes(opening)) continue;
        const value = Number.parseFloat(pattern.exec(line.text)?.[1] ?? "");
        if (Number.isFinite(value)) last.set(name, { name, value, at: line.at });
      }
      if (!wanted.some(({ name }) => last.has(name))) continue;
      wanted = wanted.filter(({ name }) => !last.has(name));
      openings = new Set(wanted.map(({ opening }) => opening));
      if (wanted.length === 0) break;
    }
  } finally {
    await log.close();
  }
  return patterns.flatMap(({ name }) => last.get(name) ?? []);
}

/** The literal text that every match begins with; empty where a pattern begins otherwise, or has alternatives. */
function literalOpening(pattern: RegExp): string {
  if (pattern.flags.includes("i") || pattern.source.includes("|")) return "";
  const opening = /^[\w #:,=<>-]*/.exec(pattern.source)?.[0] ?? "";
  // A quantifier after the text makes its last character optional or repeated.
  return /[?*+{]/.test(pattern.source[opening.length] ?? "") ? opening.slice(0, -1) : opening;
}

/** A Python regular expression as a JavaScript one, or `undefined` where it has no counterpart. */
export function pythonRegex(source: string): RegExp | undefined {
  const flags = /^\(\?([aimsux]+)\)/.exec(source);
  const body = source
    .slice(flags?.[0].length ?? 0)
    .replaceAll("(?P<", "(?<")
    .replace(/\(\?P=(\w+)\)/g, "\\k<$1>")
    .replaceAll("\\A", "^")
    .replaceAll("\\Z", "$");
  try {
    return new RegExp(body, (flags?.[1] ?? "").replace(/[^ims]/g, ""));
  } catch {
    // CreateTrainingJob refuses what does not compile; a definition stored by an older version is left out.
    return undefined;
  }
}
