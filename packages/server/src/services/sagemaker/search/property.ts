/** What a condition compares: a text, a number, a time or a flag of a resource. */
type Scalar = string | number | boolean | Date;

/** Properties whose members have names that users choose, with any character, dots included. */
const maps: ReadonlySet<string> = new Set(["HyperParameters", "Tags", "Metrics", "Environment"]);

/**
 * Values of a property of a resource, by its path: `ResourceConfig.InstanceType`, `HyperParameters.KEY`, `Tags.KEY`,
 * `Metrics.NAME`. A path through a list has the values of all its elements; a property that is not there has none.
 */
export function propertyValues(resource: object, path: string): Scalar[] {
  const dot = path.indexOf(".");
  const first = dot < 0 ? path : path.slice(0, dot);
  if (dot > 0 && maps.has(first)) {
    const value = namedValue(resource, first, path.slice(dot + 1));
    return value === undefined ? [] : [value];
  }
  return valuesAt(resource, path.split("."));
}

/** Elements of a list property, for nested filters. */
export function propertyElements(resource: object, path: string): object[] {
  let found: unknown[] = [resource];
  for (const name of path.split(".")) found = found.flatMap((each) => member(each, name)).flat();
  return found.filter((each): each is object => typeof each === "object" && each !== null);
}

function namedValue(resource: object, first: string, key: string): Scalar | undefined {
  if (first === "Tags") return find(member(resource, "Tags"), "Key", key, "Value");
  if (first === "Metrics") return find(member(resource, "FinalMetricDataList"), "MetricName", key, "Value");
  return asScalar(member(member(resource, first), key));
}

function find(list: unknown, nameMember: string, name: string, valueMember: string): Scalar | undefined {
  if (!Array.isArray(list)) return undefined;
  return asScalar(
    member(
      list.find((each: unknown) => member(each, nameMember) === name),
      valueMember,
    ),
  );
}

function valuesAt(value: unknown, path: readonly string[]): Scalar[] {
  if (Array.isArray(value)) return value.flatMap((each) => valuesAt(each, path));
  const [name, ...rest] = path;
  if (name === undefined) {
    const scalar = asScalar(value);
    return scalar === undefined ? [] : [scalar];
  }
  return valuesAt(member(value, name), rest);
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

function asScalar(value: unknown): Scalar | undefined {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return value instanceof Date ? value : undefined;
}

/** Whether a property is there at all, as a value, a list or a structure. */
export function hasProperty(resource: object, path: string): boolean {
  return propertyValues(resource, path).length > 0 || propertyElements(resource, path).length > 0;
}

/** A value in a form that sorts: times and numbers as numbers, also where a hyperparameter writes one as a text. */
export function sortable(value: Scalar): number | string {
  if (value instanceof Date) return value.getTime();
  return asNumber(value) ?? String(value);
}

/** The number that a value is or writes, or `undefined`. */
export function asNumber(value: string | number | boolean): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "boolean" || !/^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/.test(value)) return undefined;
  return Number(value);
}
