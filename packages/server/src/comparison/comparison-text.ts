import type { Difference, Estimate } from "./statistics/interval.ts";
import type { ComparisonReport, VariantComparison, VariantReport } from "./variant-comparison.ts";

/** A report for people, as Markdown. */
export function comparisonText(report: ComparisonReport): string {
  const { title, status, from, to, variants, comparisons, answers } = report;
  const parts = [
    `# ${title}`,
    [...(status === undefined ? [] : [`Status: ${status}.`]), `From ${from} to ${to}. Intervals cover 95 %.`].join(" "),
    table(
      ["", ...variants.map(({ name, role }) => (role === "Shadow" ? `${name} (shadow)` : name))],
      variantRows(variants),
    ),
    ...comparisons.map(comparisonParagraph),
  ];
  if (answers !== undefined) {
    const labels = answers.sameLabels === undefined ? "" : ` Same class: ${percentInterval(answers.sameLabels)}.`;
    const difference =
      answers.difference === undefined ? "" : ` Mean absolute difference of numbers: ${number(answers.difference)}.`;
    const left = answers.notCopied === 0 ? "" : ` ${answers.notCopied} requests were not copied.`;
    parts.push(
      answers.compared === 0
        ? `No answers of ${answers.first} and ${answers.second} were compared.${left}`
        : `Of ${answers.compared} pairs of answers of ${answers.first} and ${answers.second}, ${percentInterval(answers.agreeing)} agree (numbers within one part in a million) and ${percentInterval(answers.identical)} are identical.${labels}${difference}${left}`,
    );
  }
  return `${parts.join("\n\n")}\n`;
}

function variantRows(variants: readonly VariantReport[]): string[][] {
  const metrics = [...new Set(variants.flatMap(({ quality }) => Object.keys(quality?.metrics ?? {})))];
  const row = (title: string, cell: (variant: VariantReport) => string) => [title, ...variants.map(cell)];
  const ms = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? "-" : `${number(value)} ms`);
  return [
    row("model", ({ model }) => model),
    row("requests", ({ requests }) => String(requests)),
    row("4XX errors", ({ clientErrors }) => String(clientErrors)),
    row("5XX errors", ({ serverErrors }) => String(serverErrors)),
    row("error rate", ({ errorRate }) => percentInterval(errorRate)),
    row("latency, mean", ({ latency }) => ms(latency?.meanMs)),
    row("latency, p50", ({ latency }) => ms(latency?.p50Ms)),
    row("latency, p90", ({ latency }) => ms(latency?.p90Ms)),
    row("latency, p99", ({ latency }) => ms(latency?.p99Ms)),
    ...(metrics.length === 0 ? [] : [row("records with ground truth", ({ quality }) => String(quality?.count ?? 0))]),
    ...metrics.map((metric) =>
      row(metric, ({ quality }) => {
        const estimate = quality?.metrics[metric];
        return estimate === undefined ? "-" : interval(estimate);
      }),
    ),
  ];
}

function comparisonParagraph({ variant, against, verdict, errorRate, latencyMs, quality }: VariantComparison): string {
  const lines = [`**${variant} against ${against}: ${verdict}.**`];
  if (quality !== undefined) {
    const better = quality.isHigherBetter ? "higher" : "lower";
    lines.push(`- ${quality.metric} (${better} is better): ${difference(quality.difference)}`);
  }
  lines.push(`- error rate: ${difference(errorRate)}`);
  if (latencyMs !== undefined) lines.push(`- mean latency, ms: ${difference(latencyMs)}`);
  return lines.join("\n");
}

function difference({ value, low, high, p, test }: Difference): string {
  if (Number.isNaN(value)) return "nothing to compare";
  const sign = value > 0 ? "+" : "";
  return `${sign}${number(value)} [${number(low)}, ${number(high)}], p = ${pText(p)} (${test})`;
}

function interval({ value, low, high }: Estimate): string {
  return Number.isNaN(value) ? "-" : `${number(value)} [${number(low)}, ${number(high)}]`;
}

function percentInterval({ value, low, high }: Estimate): string {
  if (Number.isNaN(value)) return "-";
  const percent = (share: number) => number(100 * share);
  return `${percent(value)} % [${percent(low)}, ${percent(high)}]`;
}

function pText(p: number): string {
  return p < 0.0001 ? "< 0.0001" : number(p);
}

/** Four digits that count. */
function number(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, head.map(() => "---"), ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (cell === "---" ? "-".repeat(widths[column] ?? 3) : cell.padEnd(widths[column] ?? 0))).join(" | ")} |`;
  return all.map(line).join("\n");
}
