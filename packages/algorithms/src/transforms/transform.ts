import type { OptionSchema } from "./options.ts";
import type { Column, ColumnType } from "./table/column.ts";
import type { Selector, Table } from "./table/table.ts";

/** Rows to learn from, and what is to be predicted of each, where there is such a thing. */
export interface Training {
  readonly table: Table;
  /** Numbers to predict, or the names of classes. */
  readonly target?: Column;
}

/** What every transform may be told: the columns it is for. By default all of a type that it takes. */
export interface TransformSpec {
  readonly kind: string;
  readonly columns?: Selector;
}

/** A fitted transform: plain JSON, with which `openTransform` makes the same of any rows, one or many at a time. */
export interface FittedTransform {
  readonly kind: string;
  /** The columns that it takes. Absent where it takes the table as it is. */
  readonly columns?: readonly string[];
  readonly state: unknown;
}

/** What fitting gives. */
export interface FitResult {
  readonly fitted: FittedTransform;
  /**
   * The training rows, as learners should see them. They are not always what the fitted transform makes of them: a value
   * that tells of the target comes from other rows, and rows may have been left out or added.
   */
  readonly training: Training;
}

/** Turns tables into tables. Rows do not depend on each other: one alone gives the numbers that it gives among others. */
export type Apply = (table: Table) => Table;

/** How transforms fit and open the ones they are made of. */
export interface Composer {
  fit(spec: TransformSpec, training: Training): FitResult;
  open(fitted: FittedTransform): Apply;
}

/**
 * One kind of transform. `fit` learns a state from training rows alone, `open` makes it ready to be applied.
 * @typeParam State - Plain JSON: no NaN, no infinities, no typed arrays.
 */
export interface TransformKind<Spec extends TransformSpec, State> {
  readonly kind: Spec["kind"];
  /** Options with their checks, besides `kind` and `columns`. */
  readonly options: OptionSchema;
  /** Types of columns that it takes; with none it gets the whole table and does its own choosing. */
  readonly takes: readonly ColumnType[];
  /** @param training - Whose table has only the columns that the transform is for. */
  fit(
    training: Training,
    spec: Spec,
    composer: Composer,
  ): {
    readonly state: State;
    /** What the training rows become, where it is not what `open(state)` makes of them. */
    readonly training?: Training;
    /** Instead: which of the training rows stay, where some are left out or repeated. Nothing else changes. */
    readonly rows?: Uint32Array;
  };
  open(state: State, composer: Composer): Apply;
}

/** Any kind, for tables of them: whoever calls has found specification and state by its name. */
export type AnyKind = TransformKind<TransformSpec, unknown>;
