import { CustomerError } from "../../job/errors.ts";
import { oneOf, unchecked } from "../options.ts";
import type { Column } from "../table/column.ts";
import { pickColumns, type Selector, select, type Table, tableOf } from "../table/table.ts";
import type { FittedTransform, TransformKind, TransformSpec } from "../transform.ts";
import { specOf } from "./specs.ts";

/** Transforms side by side, each on columns of its own; what they make is put together in their order. */
export interface ColumnTransformerSpec<Part extends TransformSpec = TransformSpec> {
  readonly kind: "column-transformer";
  readonly parts: readonly {
    readonly columns: Selector;
    /** Absent: the columns as they are. */
    readonly transform?: Part;
    /** Written before the names of the part's columns, to tell those of several parts apart. */
    readonly prefix?: string;
  }[];
  /** What becomes of columns that no part names; dropped by default. */
  readonly remainder?: "drop" | "passthrough";
}

interface State {
  readonly parts: readonly {
    readonly columns: readonly string[];
    readonly transform?: FittedTransform;
    readonly prefix?: string;
  }[];
}

export const columnTransformer: TransformKind<ColumnTransformerSpec, State> = {
  kind: "column-transformer",
  options: { parts: unchecked, remainder: oneOf("drop", "passthrough") },
  takes: [],
  fit(training, spec, composer) {
    const { table } = training;
    const named = new Set<string>();
    const made: Table[] = [];
    const parts: State["parts"][number][] = [];
    for (const { columns: selector, transform, prefix } of partsOf(spec)) {
      const columns = select(table, selector);
      for (const name of columns) named.add(name);
      const own = pickColumns(table, columns);
      const more = prefix === undefined ? {} : { prefix };
      if (transform === undefined) {
        parts.push({ columns, ...more });
        made.push(own);
        continue;
      }
      const result = composer.fit(transform, { ...training, table: own });
      if (result.training.table.rows !== table.rows || result.training.target !== training.target) {
        throw new CustomerError(
          `A part of a column-transformer may not leave out or add rows; '${transform.kind}' does.`,
        );
      }
      parts.push({ columns, transform: result.fitted, ...more });
      made.push(result.training.table);
    }
    const rest = [...table.columns.keys()].filter((name) => !named.has(name));
    if (spec.remainder === "passthrough" && rest.length > 0) {
      parts.push({ columns: rest });
      made.push(pickColumns(table, rest));
    }
    const joined = join(table.rows, made, parts);
    return { state: { parts }, training: { ...training, table: joined } };
  },
  open({ parts }, composer) {
    const applied = parts.map(({ columns, transform }) => {
      const apply = transform && composer.open(transform);
      return (table: Table) => {
        const own = pickColumns(table, columns);
        return apply === undefined ? own : apply(own);
      };
    });
    return (table) =>
      join(
        table.rows,
        applied.map((apply) => apply(table)),
        parts,
      );
  },
};

function partsOf({ parts }: ColumnTransformerSpec): ColumnTransformerSpec["parts"] {
  const are =
    Array.isArray(parts) && parts.every((part) => typeof part === "object" && part !== null && "columns" in part);
  if (!are) throw new CustomerError(`The parts of a column-transformer must be a list of objects with "columns".`);
  for (const { transform } of parts) if (transform !== undefined) specOf(transform, "parts of a column-transformer");
  return parts;
}

function join(rows: number, tables: readonly Table[], parts: State["parts"]): Table {
  return tableOf(
    rows,
    tables.flatMap((table, i) =>
      Array.from(table.columns, ([name, column]): [string, Column] => [`${parts[i]?.prefix ?? ""}${name}`, column]),
    ),
  );
}
