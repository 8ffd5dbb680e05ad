import { columnOf, numberOf, type RawTable } from "../autopilot/data/raw-table.ts";
import { CustomerError } from "../job/errors.ts";
import { timeOf } from "../transforms/dates/parse-dates.ts";
import { type Column, type ColumnType, dates, numeric, text } from "../transforms/table/column.ts";
import { type Table, tableOf } from "../transforms/table/table.ts";

/** A column of requests. */
export interface Input {
  readonly name: string;
  readonly type: ColumnType;
}

const types: readonly ColumnType[] = ["numeric", "text", "date"];

/** Reads the hyperparameter. @throws CustomerError naming what is no type. */
export function readColumnTypes(given: string | undefined): ReadonlyMap<string, ColumnType> {
  if (given === undefined) return new Map();
  const read = parseJson(given, "column_types");
  if (typeof read !== "object" || read === null || Array.isArray(read)) {
    throw new CustomerError("Hyperparameter 'column_types' must be a JSON object of types by column.");
  }
  return new Map(
    Object.entries(read).map(([name, type]) => {
      const known = types.find((each) => each === type);
      if (known !== undefined) return [name, known];
      throw new CustomerError(
        `Column '${name}' cannot be of type ${JSON.stringify(type)}: there are ${types.join(", ")}.`,
      );
    }),
  );
}

/** @throws CustomerError saying which hyperparameter is not JSON. */
export function parseJson(given: string, name: string): unknown {
  try {
    return JSON.parse(given);
  } catch (error) {
    throw new CustomerError(`Hyperparameter '${name}' is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** The type of every column: the one that was given, or the one that all of its values have. */
export function inputsOf(table: RawTable, given: ReadonlyMap<string, ColumnType>): Input[] {
  for (const name of given.keys()) {
    if (!table.names.includes(name))
      throw new CustomerError(`Hyperparameter 'column_types' names '${name}', which is no column.`);
  }
  return table.names.map((name) => ({ name, type: given.get(name) ?? typeOfValues(columnOf(table, name)) }));
}

function typeOfValues(values: readonly string[]): ColumnType {
  const given = values.filter((value) => value !== "");
  if (given.every((value) => Number.isFinite(numberOf(value)))) return "numeric";
  return given.every((value) => !Number.isNaN(timeOf(value))) ? "date" : "text";
}

/** What a column is told, when its values are not of its type. */
export type Refuse = (message: string) => Error;

/**
 * Columns of text as columns of their types. A missing value is the empty text.
 * @throws What `refuse` makes of a value that is not of its column's type.
 */
export function typedTable(table: RawTable, inputs: readonly Input[], refuse: Refuse): Table {
  return tableOf(
    table.count,
    inputs.map(({ name, type }) => [name, typed(name, columnOf(table, name), type, refuse)] as const),
  );
}

function typed(name: string, values: readonly string[], type: ColumnType, refuse: Refuse): Column {
  if (type === "text") return text(values.map((value) => (value === "" ? null : value)));
  const read = type === "numeric" ? numberOf : timeOf;
  const numbers = Float64Array.from(values, (value, row) => {
    const number = value === "" ? Number.NaN : read(value);
    if (value === "" || Number.isFinite(number)) return number;
    const wanted = type === "numeric" ? "number" : "date";
    throw refuse(`Column '${name}' of row ${row + 1} is no ${wanted}: '${value.slice(0, 40)}'.`);
  });
  return type === "numeric" ? numeric(numbers) : dates(numbers);
}
