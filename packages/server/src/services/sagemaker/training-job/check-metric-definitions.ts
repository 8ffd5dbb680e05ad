import { validationException } from "../../../errors.ts";
import { pythonRegex, UnsupportedRegex } from "../../../metrics/python-regex.ts";

/** FinalMetricDataList's limit, and so the most definitions a job keeps. */
export const metricLimit = 40;

/**
 * Refuses expressions that cannot be used, before anything starts.
 * @param member - Where the definitions stand in the request.
 * @throws ValidationException with the metric's name.
 */
export function checkMetricDefinitions(
  member: string,
  definitions: readonly { readonly Name: string; readonly Regex: string }[] | undefined,
): void {
  const names = new Set<string>();
  for (const [index, { Name, Regex }] of (definitions ?? []).entries()) {
    const where = `${member}.${index + 1}.member`;
    if (names.has(Name)) throw validationException(`${where}.Name: the metric ${Name} is defined twice.`);
    names.add(Name);
    try {
      pythonRegex(Regex);
    } catch (error) {
      if (!(error instanceof UnsupportedRegex)) throw error;
      throw validationException(`${where}.Regex of the metric ${Name} cannot be used: ${error.message}.`);
    }
  }
}
