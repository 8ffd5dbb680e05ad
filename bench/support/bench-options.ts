import { parseArgs } from "node:util";

/** What a benchmark of several parts was asked for on its command line: `NAME ... --rounds N --rows N`. */
export interface AskedFor {
  /** Parts to run; all of them when empty. */
  readonly names: readonly string[];
  readonly rounds: number;
  readonly rows: number;
}

/** Reads the command line, and ends the process where it is not understood: a misspelt option would be a run of the whole size. */
export function askedFor(known: readonly string[]): AskedFor {
  try {
    const { values, positionals: names } = parseArgs({
      allowPositionals: true,
      options: { rounds: { type: "string", default: "3" }, rows: { type: "string", default: "1000000" } },
    });
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined) throw new TypeError(`There is no ${unknown}; there are ${known.join(", ")}.`);
    return { names, rounds: countOf("--rounds", values.rounds), rows: countOf("--rows", values.rows) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

function countOf(name: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new TypeError(`${name} must be a whole number from 1 on, not ${text}.`);
}
