import { isObject, isRawNumber, type JsonValue } from "../records/lossless-json.ts";
import type { JsonPath } from "./json-path.ts";
import { JsonPathError, type JsonPathStep } from "./step.ts";

/** How paths are read where the service's guide and the language that it names disagree. */
export interface SelectOptions {
  /** Whether `[1:4]` ends with element 4 instead of before it. */
  readonly inclusiveEnd?: boolean;
}

/**
 * What a path selects. A path that may lead to many values (`*`, `[n,m]`, a slice) selects their list, whatever their number;
 * several names at its end select an object of those members.
 * @throws JsonPathError naming the path and what is not there: a member, or an element.
 */
export function select(path: JsonPath, value: JsonValue, options: SelectOptions = {}): JsonValue {
  let found: JsonValue[] = [value];
  let isList = false;
  for (const [i, step] of path.steps.entries()) {
    const isLast = i === path.steps.length - 1;
    if (step.kind === "keys" && isLast) {
      found = found.map((each) => members(path, step.names, each));
      continue;
    }
    isList ||= step.kind !== "key" && step.kind !== "index";
    const next: JsonValue[] = [];
    for (const each of found) addBelow(next, path, step, each, options);
    found = next;
  }
  return isList ? found : (found[0] as JsonValue);
}

function addBelow(to: JsonValue[], path: JsonPath, step: JsonPathStep, value: JsonValue, options: SelectOptions): void {
  switch (step.kind) {
    case "key":
      to.push(member(path, step.name, value));
      return;
    case "keys":
      for (const name of step.names) to.push(member(path, name, value));
      return;
    case "index":
      to.push(element(path, step.index, listOf(path, value)));
      return;
    case "indices": {
      const list = listOf(path, value);
      for (const index of step.indices) to.push(element(path, index, list));
      return;
    }
    case "slice":
      for (const each of sliced(listOf(path, value), step, options)) to.push(each);
      return;
    case "all":
      for (const each of everything(path, value)) to.push(each);
  }
}

function members(path: JsonPath, names: readonly string[], value: JsonValue): JsonValue {
  return Object.fromEntries(names.map((name) => [name, member(path, name, value)]));
}

function member(path: JsonPath, name: string, value: JsonValue): JsonValue {
  if (!isObject(value)) {
    throw new JsonPathError(`${path.text} wants the member ${JSON.stringify(name)} of ${kindOf(value)}`);
  }
  if (!Object.hasOwn(value, name)) throw new JsonPathError(`${path.text}: there is no ${JSON.stringify(name)}`);
  return value[name] as JsonValue;
}

function listOf(path: JsonPath, value: JsonValue): readonly JsonValue[] {
  if (Array.isArray(value)) return value as readonly JsonValue[];
  throw new JsonPathError(`${path.text} wants elements of ${kindOf(value)}`);
}

function element(path: JsonPath, index: number, list: readonly JsonValue[]): JsonValue {
  const at = index < 0 ? list.length + index : index;
  if (at >= 0 && at < list.length) return list[at] as JsonValue;
  throw new JsonPathError(`${path.text}: there is no element ${index} of ${list.length}`);
}

/** Bounds beyond a list's ends stand for its ends, as they do in every language with slices. */
function sliced(
  list: readonly JsonValue[],
  { from, to }: { readonly from?: number; readonly to?: number },
  { inclusiveEnd = false }: SelectOptions,
): readonly JsonValue[] {
  // The element -1 is the last one, behind which there is nothing to end before.
  const end = inclusiveEnd && to !== undefined ? (to === -1 ? undefined : to + 1) : to;
  return list.slice(from, end);
}

function everything(path: JsonPath, value: JsonValue): readonly JsonValue[] {
  if (Array.isArray(value)) return value as readonly JsonValue[];
  if (isObject(value)) return Object.values(value);
  throw new JsonPathError(`${path.text} wants everything below ${kindOf(value)}`);
}

function kindOf(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (isRawNumber(value)) return "a number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
