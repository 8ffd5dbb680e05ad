import { cpus, totalmem } from "node:os";

/** One figure of a benchmark, with what it is compared to and what it must reach. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly reference?: string;
  /** As the requirement puts it: `<= 0.6`. */
  readonly must?: string;
}

/** Prints a table for people and, as the last line, one JSON object for machines. Figures that fall short only say so. */
export function report(bench: string, figures: readonly Figure[]): void {
  const results = figures.map((figure) => ({
    ...figure,
    value: round(figure.value),
    ...(figure.must === undefined ? {} : { ok: holds(round(figure.value), figure.must) }),
  }));
  const rows = results.map((result) => [
    result.what,
    `${result.value} ${result.unit}`.trim(),
    result.must === undefined ? "" : `must be ${result.must}`,
    "ok" in result ? (result.ok ? "ok" : "falls short") : "",
    result.reference === undefined ? "" : `against ${result.reference}`,
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  process.stdout.write(`\n${bench}, on ${machine()}\n`);
  for (const row of rows) {
    process.stdout.write(
      `  ${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()}\n`,
    );
  }
  process.stdout.write(`${JSON.stringify({ bench, machine: machine(), results })}\n`);
}

/** The middle value; of an even number, the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The value that a fraction `q` of the values does not exceed (nearest rank). */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number;
}

function machine(): string {
  const processors = cpus();
  return `${processors.length} x ${processors[0]?.model.trim() ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}

function holds(value: number, must: string): boolean {
  const match = /^(<=|>=|<|>|=)\s*([\d.]+)/.exec(must);
  if (!match) throw new Error(`A requirement must begin with a comparison, not "${must}".`);
  const limit = Number(match[2]);
  switch (match[1]) {
    case "<=":
      return value <= limit;
    case ">=":
      return value >= limit;
    case "<":
      return value < limit;
    case ">":
      return value > limit;
    default:
      return value === limit;
  }
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
