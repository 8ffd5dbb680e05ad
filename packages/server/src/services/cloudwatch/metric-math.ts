import { invalidParameterValue } from "./errors.ts";

/** Points by time in seconds since 1970, and what they are called. */
export interface Series {
  readonly points: ReadonlyMap<number, number>;
  readonly label: string;
  /** Seconds. */
  readonly period: number;
}

/** A parsed expression: what it computes and which queries it needs. */
export interface Expression {
  readonly text: string;
  readonly uses: readonly string[];
  readonly root: Node;
}

type Node =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "id"; readonly id: string }
  | { readonly kind: "operator"; readonly operator: string; readonly left: Node; readonly right: Node }
  | { readonly kind: "call"; readonly name: string; readonly given: readonly Node[] };

/** Longest expression, as CloudWatch has it. */
const maxLength = 2048;

/**
 * Reads metric math: numbers, Ids, + - * / ^ with parentheses, and ABS, CEIL, FLOOR, SUM, AVG, MIN, MAX, FILL, PERIOD.
 * @throws InvalidParameterValue naming what is not supported.
 */
export function parseExpression(text: string): Expression {
  if (text.length > maxLength)
    throw invalidParameterValue(`An Expression must not be longer than ${maxLength} characters.`);
  if (/^\s*(?:SEARCH|SELECT|METRICS)\b/i.test(text)) {
    throw invalidParameterValue(`Error in expression "${text}": ${text.trim().split(/\W/)[0]} is not supported.`);
  }
  const tokens = text.match(/\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+|[A-Za-z_]\w*|[-+*/^(),]|\S/g) ?? [];
  const parser = new Parser(text, tokens);
  return { text, root: parser.whole(), uses: [...parser.uses] };
}

class Parser {
  readonly uses = new Set<string>();
  readonly #text: string;
  readonly #tokens: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(text: string, tokens: readonly string[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  whole(): Node {
    const root = this.#sum();
    if (this.#at < this.#tokens.length) throw this.#wrong(`unexpected "${this.#tokens[this.#at]}"`);
    return root;
  }

  #sum(): Node {
    return this.#left(["+", "-"], () => this.#left(["*", "/"], () => this.#power()));
  }

  #left(operators: readonly string[], next: () => Node): Node {
    let left = next();
    while (operators.includes(this.#tokens[this.#at] ?? "")) {
      const operator = this.#tokens[this.#at++] as string;
      left = { kind: "operator", operator, left, right: next() };
    }
    return left;
  }

  #power(): Node {
    const base = this.#single();
    if (this.#tokens[this.#at] !== "^") return base;
    this.#at++;
    return { kind: "operator", operator: "^", left: base, right: this.#power() };
  }

  #single(): Node {
    if (++this.#depth > 1000) throw this.#wrong("it is nested too deeply");
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw this.#wrong("it ends too early");
    if (token === "-")
      return { kind: "operator", operator: "-", left: { kind: "number", value: 0 }, right: this.#power() };
    if (token === "(") {
      const inner = this.#sum();
      this.#expect(")");
      return inner;
    }
    if (/^[\d.]/.test(token)) return { kind: "number", value: Number(token) };
    if (/^[A-Z]/.test(token) && this.#tokens[this.#at] === "(") return this.#call(token);
    if (!/^[a-z]\w*$/.test(token)) throw this.#wrong(`"${token}" is not supported`);
    this.uses.add(token);
    return { kind: "id", id: token };
  }

  #call(name: string): Node {
    if (!functions.has(name)) throw this.#wrong(`the function ${name} is not supported`);
    this.#expect("(");
    const given = [this.#sum()];
    while (this.#tokens[this.#at] === ",") {
      this.#at++;
      given.push(this.#sum());
    }
    this.#expect(")");
    if (given.length !== (name === "FILL" ? 2 : 1)) throw this.#wrong(`${name} takes another number of arguments`);
    return { kind: "call", name, given };
  }

  #expect(token: string): void {
    if (this.#tokens[this.#at++] !== token) throw this.#wrong(`"${token}" is missing`);
  }

  #wrong(what: string): Error {
    return invalidParameterValue(`Error in expression "${this.#text}": ${what}.`);
  }
}

const functions: ReadonlySet<string> = new Set(["ABS", "CEIL", "FLOOR", "SUM", "AVG", "MIN", "MAX", "FILL", "PERIOD"]);

/** A number, or a series. */
type Value = number | Series;

/** Computes an expression. Points that only some of the series have are left out; FILL puts some in. */
export function evaluate(expression: Expression, results: ReadonlyMap<string, Series>): Series {
  const value = compute(expression.root, results);
  if (typeof value !== "number") return { ...value, label: expression.text };
  throw invalidParameterValue(`The expression "${expression.text}" must give a time series, not a single number.`);
}

function compute(node: Node, results: ReadonlyMap<string, Series>): Value {
  switch (node.kind) {
    case "number":
      return node.value;
    case "id":
      return results.get(node.id) as Series;
    case "operator":
      return combine(compute(node.left, results), compute(node.right, results), operators[node.operator] as Operator);
    case "call":
      return call(
        node.name,
        node.given.map((each) => compute(each, results)),
      );
  }
}

type Operator = (a: number, b: number) => number;

const operators: Readonly<Record<string, Operator>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "^": (a, b) => a ** b,
};

function combine(a: Value, b: Value, operator: Operator): Value {
  if (typeof a === "number") return typeof b === "number" ? operator(a, b) : each(b, (value) => operator(a, value));
  if (typeof b === "number") return each(a, (value) => operator(value, b));
  const points = new Map<number, number>();
  for (const [at, value] of a.points) {
    const other = b.points.get(at);
    if (other !== undefined) points.set(at, operator(value, other));
  }
  return { ...a, points: finite(points) };
}

function call(name: string, [value, filling]: readonly Value[]): Value {
  if (value === undefined || typeof value === "number") {
    throw invalidParameterValue(`${name} must be given a time series.`);
  }
  const values = [...value.points.values()];
  switch (name) {
    case "ABS":
      return each(value, Math.abs);
    case "CEIL":
      return each(value, Math.ceil);
    case "FLOOR":
      return each(value, Math.floor);
    case "SUM":
      return values.reduce((sum, each) => sum + each, 0);
    case "AVG":
      return values.reduce((sum, each) => sum + each, 0) / values.length;
    case "MIN":
      return values.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY);
    case "MAX":
      return values.reduce((most, each) => Math.max(most, each), Number.NEGATIVE_INFINITY);
    case "PERIOD":
      return value.period;
    default:
      return fill(value, filling as Value);
  }
}

/** Points that FILL makes at most: what one answer may hold. */
const maxFilled = 100_800;

/** Puts a number in between the first and the last point wherever a period has none. */
function fill(series: Series, filling: Value): Series {
  if (typeof filling !== "number") throw invalidParameterValue("FILL must be given a number.");
  const times = [...series.points.keys()];
  const points = new Map<number, number>();
  const last = times.reduce((most, each) => Math.max(most, each), Number.NEGATIVE_INFINITY);
  const first = times.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY);
  if ((last - first) / series.period > maxFilled) {
    throw invalidParameterValue(`FILL would make more than ${maxFilled} points; use a longer period.`);
  }
  for (let at = first; at <= last; at += series.period) points.set(at, series.points.get(at) ?? filling);
  return { ...series, points };
}

function each(series: Series, change: (value: number) => number): Series {
  return { ...series, points: finite([...series.points].map(([at, value]) => [at, change(value)])) };
}

/** A division by nothing gives no point. */
function finite(points: Iterable<readonly [number, number]>): Map<number, number> {
  return new Map([...points].filter(([, value]) => Number.isFinite(value)));
}
