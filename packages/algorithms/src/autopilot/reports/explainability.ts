import type { MetricName } from "../metrics/metric-names.ts";
import type { Importance } from "./importance.ts";
import type { ReportFiles } from "./insights.ts";
import { page, paragraph, pictures, table } from "./page.ts";
import { barsSvg } from "./svg.ts";

/** Bars that the picture has. */
const mostBars = 20;

/** Says which columns a model rests on: numbers for programs, a picture and a page for people. */
export function explainability(importances: readonly Importance[], metric: MetricName): ReportFiles {
  const picture = barsSvg(`How much worse ${metric} gets without a column`, importances.slice(0, mostBars));
  const values = Object.fromEntries(importances.map(({ name, value }) => [name, value]));
  return {
    "analysis.json": `${JSON.stringify({ version: "1.0", explanations: { permutation_importance: { metric, values } } }, undefined, 2)}\n`,
    "feature_importance.svg": picture,
    "report.html": page("Feature importance", [
      paragraph(
        `How much worse ${metric} gets over the validation rows when the values of a column are shuffled among them. Below 0: chance.`,
      ),
      pictures([picture]),
      table(
        ["column", `worse by (${metric})`],
        importances.map(({ name, value }) => [name, value]),
      ),
    ]),
  };
}
