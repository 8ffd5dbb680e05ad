import type { Analysis } from "../analysis/analysis.ts";
import type { ColumnProfile } from "../analysis/column-types.ts";
import { columnOf, type RawTable } from "../data/raw-table.ts";
import { code, notebook, prose, pythonString, tableRow } from "./notebook.ts";

/** What the notebooks are about. */
export interface NotebookContext {
  readonly analysis: Analysis;
  readonly given: {
    readonly job_name: string;
    readonly image: string;
    readonly role: string;
    readonly output: string;
  };
  /** Where the divided rows and the analysis lie, with its slash. */
  readonly dataUri: string;
}

/** Columns that tables show. */
const mostColumns = 200;
/** What is shown of the rows themselves. */
const sampleRows = 5;
const sampleColumns = 12;

/** The report on the data, with cells that look at it anew. */
export function explorationNotebook({ analysis, given, dataUri }: NotebookContext, train: RawTable): string {
  const { problem, objective, rows, notes, profiles } = analysis;
  return notebook([
    prose(`# Data exploration of the Autopilot job ${given.job_name}

The column \`${problem.target}\` is predicted: **${problem.type}**, judged by **${objective}**.
${rows.train} rows are for training and ${rows.validation} for validation.`),
    prose(
      `## What to know about the data\n\n${notes.length === 0 ? "Nothing stands out." : notes.map((each) => `- ${each}`).join("\n")}`,
    ),
    prose(`## Target\n\n${targetTable(analysis, train)}`),
    prose(`## Sample\n\n${sampleTable(train)}`),
    prose(`## Columns\n\n${columnTable(profiles, rows.train)}`),
    prose(`## Numeric columns\n\n${numberTable(profiles)}`),
    prose(`## Other columns\n\n${frequentTable(profiles)}`),
    prose("## Look for yourself\n\nThe rows for training, from where the job has put them."),
    code(`import csv, io, statistics
import boto3

bucket, prefix = ${pythonString(dataUri)}.removeprefix("s3://").split("/", 1)
body = boto3.client("s3").get_object(Bucket=bucket, Key=prefix + "train/chunk_0.csv")["Body"].read().decode("utf-8")
rows = list(csv.DictReader(io.StringIO(body)))
print(len(rows), "rows,", len(rows[0]), "columns")`),
    code(`target = ${pythonString(problem.target)}
values = [row[target] for row in rows]
counts = {value: values.count(value) for value in sorted(set(values))[:30]}
for value, count in counts.items():
    print(f"{value:>20} {count}")`),
    code(`def numbers(name):
    found = []
    for row in rows:
        try:
            found.append(float(row[name]))
        except ValueError:
            pass
    return found

for name in rows[0]:
    found = numbers(name)
    if len(found) > len(rows) / 2:
        print(f"{name:>30} mean {statistics.fmean(found):.4g} median {statistics.median(found):.4g}")`),
  ]);
}

function targetTable({ problem }: Analysis, train: RawTable): string {
  const values = columnOf(train, problem.target);
  if (problem.type === "Regression") {
    const numbers = values.map(Number).sort((a, b) => a - b);
    const at = (share: number) => numbers[Math.floor(share * (numbers.length - 1))] as number;
    const mean = numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
    return [
      ...[tableRow(["lowest", "quartile", "median", "quartile", "highest", "mean"]), "|---|---|---|---|---|---|"],
      tableRow([at(0), at(0.25), at(0.5), at(0.75), at(1), mean]),
    ].join("\n");
  }
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const rows = problem.classes.slice(0, mostColumns).map((name) => {
    const count = counts.get(name) ?? 0;
    return tableRow([name, count, `${((100 * count) / values.length).toFixed(2)} %`]);
  });
  return [tableRow(["class", "rows", "share"]), "|---|---|---|", ...rows].join("\n");
}

function sampleTable({ names, columns, count }: RawTable): string {
  const shown = names.slice(0, sampleColumns);
  const rows = Array.from({ length: Math.min(sampleRows, count) }, (_, row) =>
    tableRow(shown.map((_name, index) => columns[index]?.[row] ?? "")),
  );
  const rest = names.length - shown.length;
  const more = rest > 0 ? [`\n${rest} more columns are not shown.`] : [];
  return [tableRow(shown), `|${"---|".repeat(shown.length)}`, ...rows, ...more].join("\n");
}

function frequentTable(profiles: readonly ColumnProfile[]): string {
  const rows = profiles.slice(0, mostColumns).flatMap(({ name, frequent }) => {
    if (!frequent || frequent.length === 0) return [];
    return [
      tableRow([name, ...frequent.slice(0, 3).map(([value, count]) => `${value} (${count})`), "", ""].slice(0, 4)),
    ];
  });
  if (rows.length === 0) return "There are none.";
  return [tableRow(["column", "most frequent", "second", "third"]), "|---|---|---|---|", ...rows].join("\n");
}

function columnTable(profiles: readonly ColumnProfile[], count: number): string {
  const rows = profiles.slice(0, mostColumns).map(({ name, kind, left, missing, distinct }) => {
    const use = left === undefined ? kind : `left out: ${left}`;
    return tableRow([name, use, `${((100 * missing) / count).toFixed(2)} %`, distinct]);
  });
  const rest = profiles.length - rows.length;
  const more = rest > 0 ? [`\n${rest} more columns are in analysis.json beside the data.`] : [];
  return [tableRow(["column", "used as", "missing", "distinct values"]), "|---|---|---|---|", ...rows, ...more].join(
    "\n",
  );
}

function numberTable(profiles: readonly ColumnProfile[]): string {
  const rows = profiles.slice(0, mostColumns).flatMap(({ name, numbers }) => {
    if (!numbers) return [];
    const { min, max, mean, deviation } = numbers;
    return [tableRow([name, min, max, mean.toPrecision(5), deviation.toPrecision(5)])];
  });
  if (rows.length === 0) return "There are none.";
  return [tableRow(["column", "lowest", "highest", "mean", "deviation"]), "|---|---|---|---|---|", ...rows].join("\n");
}
