import { LogFile } from "../../logs/log-file.ts";
import type { FinalMetric } from "./training-job.ts";

/** A name and a regular expression in Python's dialect whose first group is the value. */
export interface MetricDefinition {
  readonly name: string;
  readonly regex: string;
}

/**
 * Reads the last value of every metric off a log file.
 * @returns In order of the definitions; metrics that never appeared are left out, as are values that are no finite
 * number.
 */
export async function finalMetrics(file: string, definitions: readonly MetricDefinition[]): Promise<FinalMetric[]> {
  const patterns = definitions.flatMap(({ name, regex }) => {
    const pattern = pythonRegex(regex);
    return pattern ? [{ name, pattern }] : [];
  });
  const last = new Map<string, FinalMetric>();
  if (patterns.length === 0) return [];
  const log = await LogFile.open(file);
  try {
    for await (const line of log.forward(0)) {
      for (const { name, pattern } of patterns) {
        const value = Number.parseFloat(pattern.exec(line.text)?.[1] ?? "");
        if (Number.isFinite(value)) last.set(name, { name, value, at: line.at });
      }
    }
  } finally {
    await log.close();
  }
  return patterns.flatMap(({ name }) => last.get(name) ?? []);
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
