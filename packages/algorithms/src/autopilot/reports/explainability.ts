import type { MetricName } from "../metrics/metric-names.ts";
import type { Importance } from "./importance.ts";
import type { ReportFiles } from "./insights.ts";
import { barsSvg, escapeText } from "./svg.ts";

/** Bars that the picture has. */
const mostBars = 20;

/** Says which columns a model rests on: numbers for programs, a picture and a page for people. */
export function explainability(importances: readonly Importance[], metric: MetricName): ReportFiles {
  const picture = barsSvg(`What ${metric} loses without a column`, importances.slice(0, mostBars));
  const values = Object.fromEntries(importances.map(({ name, value }) => [name, value]));
  const rows = importances.map(({ name, value }) => `<tr><td>${escapeText(name)}</td><td>${value}</td></tr>`);
  return {
    "analysis.json": `${JSON.stringify({ version: "1.0", explanations: { permutation_importance: { metric, values } } }, undefined, 2)}\n`,
    "feature_importance.svg": picture,
    "report.html": [
      "<!doctype html>",
      '<html lang="en"><head><meta charset="utf-8"><title>Feature importance</title></head>',
      '<body style="font-family:sans-serif;max-width:60em;margin:2em auto">',
      "<h1>Feature importance</h1>",
      `<p>What ${metric} loses over the validation rows when the values of a column are shuffled among them.</p>`,
      picture,
      `<table><tr><th>column</th><th>loss of ${metric}</th></tr>${rows.join("")}</table>`,
      "</body></html>\n",
    ].join("\n"),
  };
}
