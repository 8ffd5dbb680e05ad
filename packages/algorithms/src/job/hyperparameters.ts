import { CustomerError } from "./errors.ts";

/**
 * Hyperparameters as data: bounds, defaults, documentation and tuning ranges are declared once, and checks, reference
 * pages and tuning all follow. Values arrive as strings (`hyperparameters.json` holds nothing else).
 */

/** One way in which a value may be valid; a value must satisfy at least one of a parameter's. */
type Rule =
  | { readonly type: "integer"; readonly min?: number; readonly max?: number }
  | {
      readonly type: "number";
      readonly min?: number;
      readonly max?: number;
      /** Exclusive lower bound. */
      readonly above?: number;
      /** Exclusive upper bound. */
      readonly below?: number;
    }
  | { readonly type: "boolean" }
  | { readonly type: "words"; readonly words: readonly string[] }
  | { readonly type: "list"; readonly words: readonly string[] }
  | { readonly type: "text" };

/** What a tuning job may vary, with the range that the algorithm's documentation recommends. */
type TunableRange =
  | { readonly type: "Integer" | "Continuous"; readonly min: number; readonly max: number }
  | { readonly type: "Categorical"; readonly values: readonly string[] };

/** One declared hyperparameter whose parsed value is a `T`. */
export interface Hyperparameter<T = unknown> {
  readonly doc: string;
  readonly rules: readonly Rule[];
  readonly required: boolean;
  readonly default?: T | undefined;
  /** For the documentation: what a library underneath does when nothing is given, since nothing is filled in then. */
  readonly libraryDefault?: string | undefined;
  /** Further names that mean the same. */
  readonly aliases?: readonly string[] | undefined;
  readonly tunable?: TunableRange | undefined;
}

/** Name to declaration; the order is the order of documentation. */
export type HyperparameterSchema = Readonly<Record<string, Hyperparameter>>;

/** The parsed values of a schema. */
export type Parsed<S extends HyperparameterSchema> = {
  readonly [K in keyof S]: S[K] extends Hyperparameter<infer T> ? T : never;
};

interface Options<D> {
  readonly doc: string;
  readonly required?: boolean;
  readonly default?: D;
  readonly libraryDefault?: string;
  readonly aliases?: readonly string[];
  readonly tunable?: TunableRange;
}

interface NumberOptions<W extends string> extends Options<number | W> {
  readonly min?: number;
  readonly max?: number;
  /** Words that are valid besides numbers, such as `auto`. */
  readonly words?: readonly W[];
}

/** `undefined` joins the type where a value may be absent. */
type Absent<O> = O extends { required: true } ? never : O extends { default: unknown } ? never : undefined;
type Words<O> = O extends { words: readonly (infer W)[] } ? W : never;

/** A whole number, optionally one of some words instead (`auto`). */
export function int<const O extends NumberOptions<string>>(options: O): Hyperparameter<number | Words<O> | Absent<O>> {
  return declare(options, [{ type: "integer", ...bounds(options, ["min", "max"]) }]);
}

/** A finite real number; `above` and `below` are exclusive bounds. */
export function float<const O extends NumberOptions<string> & { readonly above?: number; readonly below?: number }>(
  options: O,
): Hyperparameter<number | Words<O> | Absent<O>> {
  return declare(options, [{ type: "number", ...bounds(options, ["min", "max", "above", "below"]) }]);
}

/** `true` or `false` in any case (Python writes `True`), optionally one of some words instead. */
export function bool<const O extends Options<boolean | string> & { readonly words?: readonly string[] }>(
  options: O,
): Hyperparameter<boolean | Words<O> | Absent<O>> {
  return declare(options, [{ type: "boolean" }]);
}

/** One of the listed words. */
export function categorical<const O extends Options<string> & { readonly words: readonly string[] }>(
  options: O,
): Hyperparameter<Words<O> | Absent<O>> {
  return declare(options, []);
}

/** A JSON list of some of the listed words, each once and at least one: `eval_metrics`. */
export function list<const W extends string>(options: {
  readonly doc: string;
  readonly words: readonly W[];
  readonly default: readonly W[];
}): Hyperparameter<readonly W[]> {
  const { doc, words } = options;
  return declare({ doc, default: options.default }, [{ type: "list", words }]);
}

/** Any text; the algorithm reads it. */
export function text<const O extends Options<string>>(options: O): Hyperparameter<string | Absent<O>> {
  return declare(options, [{ type: "text" }]);
}

function declare<T>(
  options: Options<unknown> & { readonly words?: readonly string[] },
  rules: readonly Rule[],
): Hyperparameter<T> {
  const words: readonly Rule[] = options.words === undefined ? [] : [{ type: "words", words: options.words }];
  return {
    doc: options.doc,
    rules: [...rules, ...words],
    required: options.required ?? false,
    // The builders' signatures tie the default's type to the options; here it is only passed on.
    default: options.default as T | undefined,
    libraryDefault: options.libraryDefault,
    aliases: options.aliases,
    tunable: options.tunable,
  };
}

function bounds<K extends string>(
  options: { readonly [P in K]?: number | undefined },
  keys: readonly K[],
): { [P in K]?: number } {
  const present: { [P in K]?: number } = {};
  for (const key of keys) {
    const bound = options[key];
    if (bound !== undefined) present[key] = bound;
  }
  return present;
}

/** In whose words faults of hyperparameters and channels are reported. */
export interface Wording {
  unknown(names: readonly string[]): string;
  missing(name: string): string;
  invalid(name: string, value: string, declared: Hyperparameter): string;
  /** All faults at once, as they go to the owner of the job. */
  message(faults: readonly string[]): string;
  missingChannel(name: string): string;
  unknownChannel(name: string): string;
}

/** Wording of a validator of JSON schemas, as the service's own algorithms have it. */
export const schemaWording: Wording = {
  unknown: (names) => {
    const quoted = names.map((name) => `'${name}'`).join(", ");
    return `Additional properties are not allowed (${quoted} ${names.length === 1 ? "was" : "were"} unexpected)`;
  },
  missing: (name) => `'${name}' is a required property`,
  invalid: (name, value, { rules }) =>
    `'${value}' is not valid under any of the given schemas: hyperparameter '${name}' must be ${describeRules(rules)}`,
  message: (faults) => `Unable to initialize the algorithm. Failed to validate hyperparameters. ${faults.join("; ")}`,
  missingChannel: (name) => `'${name}' is a required property`,
  unknownChannel: (name) => `Additional properties are not allowed ('${name}' was unexpected)`,
};

/**
 * Reads a job's hyperparameters against an algorithm's schema. Names that begin with `_` are the platform's own
 * (`_tuning_objective_metric`) and are passed over unless the schema has them. All faults are reported at once.
 * @throws CustomerError in the algorithm's wording.
 */
export function parseHyperparameters<S extends HyperparameterSchema>(
  schema: S,
  given: Readonly<Record<string, string>>,
  wording: Wording = schemaWording,
): Parsed<S> {
  const faults: string[] = [];
  const names = new Set(Object.entries(schema).flatMap(([name, { aliases = [] }]) => [name, ...aliases]));
  const unknown = Object.keys(given).filter((name) => !names.has(name) && !name.startsWith("_"));
  if (unknown.length > 0) faults.push(wording.unknown(unknown));
  const parsed: Record<string, unknown> = {};
  for (const [name, declared] of Object.entries(schema)) {
    const said = [name, ...(declared.aliases ?? [])].find((each) => given[each] !== undefined);
    if (said === undefined) {
      if (declared.required) faults.push(wording.missing(name));
      parsed[name] = declared.default;
      continue;
    }
    const value = given[said] as string;
    const read = readValue(declared, value);
    if (read === undefined) faults.push(wording.invalid(said, value, declared));
    parsed[name] = read;
  }
  if (faults.length > 0) throw new CustomerError(wording.message(faults));
  return parsed as Parsed<S>;
}

/** @returns The value under the first rule that admits it, or undefined. */
function readValue(declared: Hyperparameter, value: string): unknown {
  const plain = unquote(value);
  for (const rule of declared.rules) {
    const read = readUnder(rule, plain);
    if (read !== undefined) return read;
  }
  return undefined;
}

/** Script-mode estimators JSON-encode each value, so text may arrive in quotes. */
function unquote(value: string): string {
  if (!/^".*"$/s.test(value)) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value; // quotes that are not JSON are part of the value
  }
}

const integerForm = /^(0|-?[1-9][0-9]*)$/;
const numberForm = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/;

function readUnder(rule: Rule, value: string): number | boolean | string | readonly string[] | undefined {
  switch (rule.type) {
    case "integer":
      return integerForm.test(value) && isWithin(rule, Number(value)) ? Number(value) : undefined;
    case "number":
      return numberForm.test(value) && isWithin(rule, Number(value)) ? Number(value) : undefined;
    case "boolean":
      return /^(true|false)$/i.test(value) ? value.toLowerCase() === "true" : undefined;
    case "words":
      return rule.words.includes(value) ? value : undefined;
    case "list":
      return readList(rule.words, value);
    case "text":
      return value;
  }
}

function readList(words: readonly string[], value: string): readonly string[] | undefined {
  let read: unknown;
  try {
    read = JSON.parse(value);
  } catch {
    return undefined; // no list: the caller says what was expected
  }
  if (!Array.isArray(read) || read.length === 0 || new Set(read).size !== read.length) return undefined;
  return read.every((word) => words.includes(word)) ? read : undefined;
}

function isWithin(rule: Extract<Rule, { type: "integer" | "number" }>, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  if (rule.min !== undefined && value < rule.min) return false;
  if (rule.max !== undefined && value > rule.max) return false;
  if (rule.type === "integer") return true;
  if (rule.above !== undefined && value <= rule.above) return false;
  return rule.below === undefined || value < rule.below;
}

/** Says in words what a parameter accepts: `an integer >= 1 or one of 'auto'`. */
function describeRules(rules: readonly Rule[]): string {
  return rules.map(describeRule).join(" or ");
}

function describeRule(rule: Rule): string {
  switch (rule.type) {
    case "integer":
    case "number": {
      const limits: string[] = [];
      if (rule.min !== undefined) limits.push(`>= ${rule.min}`);
      if (rule.type === "number" && rule.above !== undefined) limits.push(`> ${rule.above}`);
      if (rule.max !== undefined) limits.push(`<= ${rule.max}`);
      if (rule.type === "number" && rule.below !== undefined) limits.push(`< ${rule.below}`);
      return [rule.type === "integer" ? "an integer" : "a number", limits.join(" and ")].filter(Boolean).join(" ");
    }
    case "boolean":
      return "'true' or 'false'";
    case "words":
      return `one of ${rule.words.map((word) => `'${word}'`).join(", ")}`;
    case "list":
      return `a JSON list of ${rule.words.map((word) => `'${word}'`).join(", ")}`;
    case "text":
      return "text";
  }
}
