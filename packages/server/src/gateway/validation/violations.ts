import type { Constraint, ConstraintTable } from "./constraint-table.ts";
import { compilePattern } from "./java-pattern.ts";

/** Nobody reads more sentences than this, and an input of a million wrong elements must not cost as many. */
const mostViolations = 100;
/** Longest text of a value in a sentence, in characters. */
const longestQuote = 8_192;

/**
 * What an input breaks of its operation's constraints, one sentence each, in AWS's wording: everything, up to a hundred.
 * @param skip - Top-level members that are not in the input because they are read elsewhere (a streamed body).
 */
export function violations(
  table: ConstraintTable,
  operation: string,
  input: unknown,
  skip?: ReadonlySet<string>,
): readonly string[] {
  const shape = table.operations[operation];
  if (shape === undefined) return none;
  const found: string[] = [];
  new Walk(table, found).structure(table.shapes[shape] as Constraint, input as Record<string, unknown>, "", skip);
  return found.length === 0 ? none : found;
}

const none: readonly string[] = [];

/** AWS's message for all of them. */
export function validationMessage(found: readonly string[]): string {
  return `${found.length} validation error${found.length === 1 ? "" : "s"} detected: ${found.join("; ")}`;
}

class Walk {
  readonly #shapes: ConstraintTable["shapes"];
  readonly #found: string[];

  constructor(table: ConstraintTable, found: string[]) {
    this.#shapes = table.shapes;
    this.#found = found;
  }

  structure(rule: Constraint, value: Record<string, unknown>, path: string, skip?: ReadonlySet<string>): void {
    for (const name in rule.s) {
      if (this.#isFull) return;
      if (skip?.has(name)) continue;
      const member = value[name];
      if (member === undefined || member === null) {
        if (rule.r?.includes(name)) this.#add("Value null", below(path, name), "Member must not be null");
        continue;
      }
      const shape = this.#shapes[rule.s[name] as string];
      // No path is written for a text that holds to its rules: nearly all do.
      if (!shape || (typeof member === "string" && holds(shape, member))) continue;
      this.#value(shape, member, below(path, name));
    }
  }

  get #isFull(): boolean {
    return this.#found.length >= mostViolations;
  }

  #value(rule: Constraint, value: unknown, path: string): void {
    const broken = brokenRules(rule, value);
    for (const each of broken) this.#add(quoted(rule, value), path, each);
    // What is too long as a whole is not looked through.
    if (broken.length > 0 && isComposite(rule)) return;
    if (rule.s) this.structure(rule, value as Record<string, unknown>, path);
    else if (rule.l !== undefined) this.#list(rule, value as readonly unknown[], path);
    else if (rule.k !== undefined) this.#map(rule, value as Record<string, unknown>, path);
  }

  #list(rule: Constraint, value: readonly unknown[], path: string): void {
    const element = this.#shapes[rule.l as string];
    if (!element) return;
    if (isComposite(element)) {
      for (const [i, item] of value.entries()) {
        if (this.#isFull) return;
        if (item !== null && item !== undefined) this.#value(element, item, `${path}.${i + 1}.member`);
      }
    } else if (value.some((item) => item !== null && brokenRules(element, item).length > 0)) {
      const rules = allRules(element).join(", ");
      this.#add(quoted(element.z ? element : rule, value), path, `Member must satisfy constraint: [${rules}]`);
    }
  }

  #map(rule: Constraint, value: Record<string, unknown>, path: string): void {
    const key = this.#shapes[rule.k as string];
    if (key && Object.keys(value).some((name) => brokenRules(key, name).length > 0)) {
      const rules = allRules(key).join(", ");
      this.#add(quoted(rule, value), path, `Map keys must satisfy constraint: [${rules}]`);
    }
    const element = this.#shapes[rule.v as string];
    if (!element) return;
    if (isComposite(element)) {
      for (const [name, item] of Object.entries(value)) {
        if (this.#isFull) return;
        this.#value(element, item, `${path}.${name}.member`);
      }
    } else if (Object.values(value).some((item) => brokenRules(element, item).length > 0)) {
      const rules = allRules(element).join(", ");
      this.#add(quoted(rule, value), path, `Map value must satisfy constraint: [${rules}]`);
    }
  }

  #add(what: string, path: string, rule: string): void {
    this.#found.push(`${what} at '${path}' failed to satisfy constraint: ${rule}`);
  }
}

/** The rules of this one value that it breaks; elements are another matter. */
function brokenRules(rule: Constraint, value: unknown): readonly string[] {
  if (typeof value === "string") return brokenTextRules(rule, value);
  if (typeof value === "number") {
    return rule.i && !Number.isSafeInteger(value) ? ["Member must be an integer"] : brokenBounds(rule, value, "value");
  }
  if (Array.isArray(value)) return brokenBounds(rule, value.length, "length");
  if (rule.k !== undefined && value !== null) return brokenBounds(rule, Object.keys(value as object).length, "length");
  return none;
}

function brokenTextRules(rule: Constraint, value: string): readonly string[] {
  const found = [...brokenBounds(rule, value.length, "length")];
  if (rule.e && !rule.e.includes(value)) found.push(enumRule(rule.e));
  if (rule.p !== undefined && !fitsPattern(rule.p, value, rule.x)) found.push(patternRule(rule.p));
  return found;
}

/** What `brokenTextRules` finds nothing for. */
function holds(rule: Constraint, value: string): boolean {
  return (
    value.length <= (rule.x ?? Infinity) &&
    value.length >= (rule.n ?? 0) &&
    (rule.e === undefined || rule.e.includes(value)) &&
    (rule.p === undefined || fitsPattern(rule.p, value, rule.x))
  );
}

function brokenBounds(rule: Constraint, size: number, what: "length" | "value"): readonly string[] {
  if (rule.x !== undefined && size > rule.x) return [`Member must have ${what} less than or equal to ${rule.x}`];
  if (rule.n !== undefined && size < rule.n) return [`Member must have ${what} greater than or equal to ${rule.n}`];
  return none;
}

/** Every rule of a scalar, whether broken or not: AWS lists them all for elements of lists and maps. */
function allRules(rule: Constraint): readonly string[] {
  const what = rule.p !== undefined || rule.e === undefined ? "length" : "value";
  const rules: string[] = [];
  if (rule.x !== undefined) rules.push(`Member must have ${what} less than or equal to ${rule.x}`);
  if (rule.n !== undefined) rules.push(`Member must have ${what} greater than or equal to ${rule.n}`);
  if (rule.e) rules.push(enumRule(rule.e));
  if (rule.p !== undefined) rules.push(patternRule(rule.p));
  return rules;
}

function enumRule(values: readonly string[]): string {
  return `Member must satisfy enum value set: [${values.join(", ")}]`;
}

function patternRule(pattern: string): string {
  return `Member must satisfy regular expression pattern: ${pattern}`;
}

const patterns = new Map<string, RegExp | undefined>();
/** Longer texts than their own limit allows are not matched beyond this size: a pattern may be slow on them. */
const matchedCharacters = 16_384;

function fitsPattern(pattern: string, value: string, max: number | undefined): boolean {
  let compiled = patterns.get(pattern);
  if (!compiled && !patterns.has(pattern)) {
    compiled = compilePattern(pattern);
    patterns.set(pattern, compiled);
  }
  if (!compiled || value.length > Math.max(max ?? 0, matchedCharacters)) return true;
  return compiled.test(value);
}

function isComposite(rule: Constraint): boolean {
  return rule.s !== undefined || rule.l !== undefined || rule.k !== undefined;
}

/** `Value 'a'`, or `Value` alone where it is a secret. */
function quoted(rule: Constraint, value: unknown): string {
  return rule.z ? "Value" : `Value '${javaText(value)}'`;
}

/** A value as Java prints it: `[a, b]`, `{a=b}`. One that is very long is cut. */
function javaText(value: unknown): string {
  if (Array.isArray(value)) return `[${joined(value.values().map(javaText))}]`;
  if (value instanceof Date) return value.toISOString();
  if (value !== null && typeof value === "object") {
    const members = Object.keys(value).values();
    return `{${joined(members.map((name) => `${name}=${javaText((value as Record<string, unknown>)[name])}`))}}`;
  }
  const text = String(value);
  return text.length > longestQuote ? `${text.slice(0, longestQuote)}...` : text;
}

function joined(parts: Iterable<string>): string {
  const kept: string[] = [];
  let length = 0;
  for (const part of parts) {
    if (length > longestQuote) return `${kept.join(", ").slice(0, longestQuote)}...`;
    kept.push(part);
    length += part.length + 2;
  }
  return kept.join(", ");
}

/** Where a member is, as AWS writes it: `trainingJobName`, `resourceConfig.instanceCount`. */
function below(path: string, name: string): string {
  return path === "" ? lowerFirst(name) : `${path}.${lowerFirst(name)}`;
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
