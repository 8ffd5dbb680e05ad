import type { AnySpec } from "../../transforms/kinds.ts";
import type { NumericColumn } from "../../transforms/table/column.ts";
import type { Table } from "../../transforms/table/table.ts";
import type { ColumnProfile } from "../analysis/column-types.ts";
import type { Problem } from "../problem.ts";
import { innerName } from "./to-table.ts";

/** Which learners features are for: trees take gaps and any scale, linear models neither. */
export type FeatureStyle = "tree" | "linear";

/** Categories up to which each has a column of its own for trees; more are told by what they mean for the target. */
const treeColumns = 12;
/** Columns that a column of categories becomes at most. */
const mostCategories = 60;
/** Classes up to which each has a column that says what a category means for it. */
const mostTargets = 8;
/** Skewness from which a column is made as normal as a power can, for linear models. */
const skewed = 2;
/** Values further from the mean than so many deviations are moved there, for linear models. */
const clip = 6;

interface Part {
  readonly columns: readonly string[];
  readonly transform?: AnySpec;
}

/**
 * What is made of columns, by what they hold.
 * @param profiles - Of the columns of `table`, in their order.
 */
export function featureSpec(
  profiles: readonly ColumnProfile[],
  table: Table,
  { problem, style, seed }: { readonly problem: Problem; readonly style: FeatureStyle; readonly seed: number },
): AnySpec {
  const of = (isWanted: (profile: ColumnProfile) => boolean) =>
    profiles.flatMap((profile, index) => (isWanted(profile) ? [innerName(index)] : []));
  const hasMeans = style === "tree" && problem.classes.length <= mostTargets;
  const isMany = ({ kind, distinct }: ColumnProfile) => kind === "categorical" && hasMeans && distinct > treeColumns;
  const oneHot = { kind: "one-hot-encoder", maxCategories: mostCategories, unknown: "ignore" } as const;
  const words = { kind: "tf-idf", maxTerms: 200, minRows: 3, maxRows: 0.8 } as const;
  const parts: Part[] = [
    ...numberParts(
      of(({ kind }) => kind === "numeric"),
      table,
      style,
    ),
    { columns: of(({ kind }) => kind === "datetime"), transform: style === "tree" ? treeDates : linearDates },
    { columns: of((each) => each.kind === "categorical" && !isMany(each)), transform: oneHot },
    { columns: of(isMany), transform: { kind: "target-encoder", seed } },
    { columns: of(({ kind }) => kind === "text"), transform: words },
  ];
  return { kind: "column-transformer", parts: parts.filter(({ columns }) => columns.length > 0) };
}

const treeDates = { kind: "date-parts", parts: ["seconds", "year", "month", "day", "day of week", "hour"] } as const;
const linearDates: AnySpec = {
  kind: "pipeline",
  steps: [
    { kind: "date-parts", parts: ["seconds", "month", "day of week", "hour"], cyclic: true },
    { kind: "impute", strategy: "mean" },
    { kind: "standard-scaler" },
  ],
};

function numberParts(columns: readonly string[], table: Table, style: FeatureStyle): Part[] {
  if (style === "tree") return [{ columns }];
  const isSkewed = (name: string) => {
    const values = Array.from((table.columns.get(name) as NumericColumn).values).filter((each) => !Number.isNaN(each));
    return skewness(values) > skewed;
  };
  const bent = columns.filter(isSkewed);
  const others = columns.filter((name) => !bent.includes(name));
  const scaled = (own: readonly string[], scaler: "power" | "standard-scaler"): Part => ({
    columns: own,
    transform: {
      kind: "pipeline",
      steps: [
        { kind: "impute", strategy: "median", indicator: true },
        // Not of the columns that say where gaps were.
        { kind: scaler, columns: own },
        { kind: "outliers", method: "standard-deviations", deviations: clip, fix: "clip", columns: own },
      ],
    },
  });
  return [scaled(others, "standard-scaler"), scaled(bent, "power")];
}

function skewness(values: readonly number[]): number {
  const count = Math.max(1, values.length);
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const moment = (power: number) => values.reduce((sum, value) => sum + (value - mean) ** power, 0) / count;
  const variance = moment(2);
  return variance === 0 ? 0 : moment(3) / variance ** 1.5;
}
