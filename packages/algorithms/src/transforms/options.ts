import { CustomerError } from "../job/errors.ts";

/** Says what an option must be when a value is something else. */
export type OptionCheck = (value: unknown) => string | undefined;

/** Options of a transform by name. */
export type OptionSchema = Readonly<Record<string, OptionCheck>>;

export function oneOf(...values: readonly string[]): OptionCheck {
  return (value) =>
    values.includes(value as string) ? undefined : `one of ${values.map((each) => `'${each}'`).join(", ")}`;
}

export function number({ min = -Infinity, max = Infinity, above = -Infinity } = {}): OptionCheck {
  const bounds = [
    ...(min > -Infinity ? [`of at least ${min}`] : []),
    ...(above > -Infinity ? [`above ${above}`] : []),
    ...(max < Infinity ? [`of at most ${max}`] : []),
  ];
  return (value) =>
    typeof value === "number" && value >= min && value <= max && value > above
      ? undefined
      : ["a number", bounds.join(" and ")].join(" ").trim();
}

export function whole({ min = 0, max = 2 ** 32 } = {}): OptionCheck {
  return (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `a whole number from ${min} to ${max}`;
}

export const flag: OptionCheck = (value) => (typeof value === "boolean" ? undefined : "true or false");

export const numberOrText: OptionCheck = (value) =>
  typeof value === "string" || Number.isFinite(value) ? undefined : "a number or a text";

export function listOf(check: OptionCheck, { least = 0, most = Infinity } = {}): OptionCheck {
  return (value) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) return "a list";
    const fault = value.map(check).find((each) => each !== undefined);
    return fault === undefined ? undefined : `a list of which each is ${fault}`;
  };
}

/** Anything: the transform checks it itself. */
export const unchecked: OptionCheck = () => undefined;

/** @throws CustomerError naming the option that is unknown or wrong. */
export function checkOptions(kind: string, given: object, schema: OptionSchema): void {
  for (const [name, value] of Object.entries(given)) {
    if (name === "kind" || name === "columns") continue;
    const check = Object.hasOwn(schema, name) ? schema[name] : undefined;
    if (check === undefined) {
      const known = Object.keys(schema);
      const list = known.length === 0 ? "it has none" : `its options are ${known.join(", ")}`;
      throw new CustomerError(`Transform '${kind}' has no option '${name}': ${list}.`);
    }
    const wanted = check(value);
    if (value !== undefined && wanted !== undefined) {
      throw new CustomerError(
        `Option '${name}' of transform '${kind}' must be ${wanted}, got ${JSON.stringify(value)?.slice(0, 80)}.`,
      );
    }
  }
}
