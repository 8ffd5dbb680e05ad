import { CustomerError } from "../job/errors.ts";
import { type AnySpec, kinds } from "./kinds.ts";
import { checkOptions } from "./options.ts";
import { gather, typeOf } from "./table/column.ts";
import { gatherRows, pickColumns, replaceColumns, select, type Table } from "./table/table.ts";
import type { AnyKind, Apply, Composer, FitResult, FittedTransform, Training, TransformSpec } from "./transform.ts";

/**
 * Learns a transform from training rows, and from nothing else.
 * @throws CustomerError for a transform, an option or a column that does not exist or does not fit.
 */
export function fitTransform(spec: AnySpec, training: Training): FitResult {
  return fit(spec, training);
}

/**
 * Makes a fitted transform ready to be applied, to one row or to many. What it gives is the same either way.
 * @throws CustomerError when it is of no known kind.
 */
export function openTransform(fitted: FittedTransform): Apply {
  return open(fitted);
}

/** Fits and opens by kind: what transforms that are made of others call. */
const composer: Composer = { fit, open };

function fit(spec: TransformSpec, training: Training): FitResult {
  const kind = kindOf(spec);
  checkOptions(kind.kind, spec, kind.options);
  if (kind.takes.length === 0) {
    const { state, training: changed, rows } = kind.fit(training, spec, composer);
    const fitted = { kind: kind.kind, state };
    if (rows !== undefined) return { fitted, training: withRows(training, rows) };
    return { fitted, training: changed ?? withTable(training, open(fitted)(training.table)) };
  }
  const { table } = training;
  const columns = columnsFor(kind, spec, table);
  const own = { ...training, table: pickColumns(table, columns) };
  const { state, training: changed, rows } = kind.fit(own, spec, composer);
  const fitted = { kind: kind.kind, columns, state };
  if (rows !== undefined) return { fitted, training: withRows(training, rows) };
  const made = changed?.table ?? kind.open(state, composer)(own.table);
  return { fitted, training: withTable(training, replaceColumns(table, columns, made)) };
}

function open(fitted: FittedTransform): Apply {
  const kind = kindOf(fitted);
  const apply = kind.open(fitted.state, composer);
  const { columns } = fitted;
  if (columns === undefined) return apply;
  return (table) => {
    const own = pickColumns(table, columns);
    checkTypes(kind, own);
    return replaceColumns(table, columns, apply(own));
  };
}

function withTable(training: Training, table: Table): Training {
  return { ...training, table };
}

function withRows({ table, target }: Training, rows: Uint32Array): Training {
  return {
    table: gatherRows(table, rows),
    ...(target === undefined ? {} : { target: gather(target, rows, table.rows) }),
  };
}

/** The columns that a transform is for: those named, or all of a type that it takes. */
function columnsFor(kind: AnyKind, { columns }: TransformSpec, table: Table): string[] {
  if (columns === undefined) {
    return [...table.columns].filter(([, column]) => kind.takes.includes(typeOf(column))).map(([name]) => name);
  }
  const names = select(table, columns);
  checkTypes(kind, pickColumns(table, names));
  return names;
}

function checkTypes({ kind, takes }: AnyKind, table: Table): void {
  for (const [name, column] of table.columns) {
    if (takes.includes(typeOf(column))) continue;
    throw new CustomerError(
      `Transform '${kind}' takes columns of type ${takes.join(" or ")}; '${name}' is of type ${typeOf(column)}.`,
    );
  }
}

function kindOf({ kind }: { readonly kind: string }): AnyKind {
  const all: Readonly<Record<string, AnyKind>> = kinds;
  const found = Object.hasOwn(all, kind) ? all[kind] : undefined;
  if (found === undefined) {
    throw new CustomerError(`There is no transform '${kind}'. There are ${Object.keys(kinds).join(", ")}.`);
  }
  return found;
}
