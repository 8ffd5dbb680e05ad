import type { Filter, Operator } from "@aws-sdk/client-sagemaker";
import { validationException } from "../../../errors.ts";
import { asNumber, hasProperty, propertyValues } from "./property.ts";

/** Whether a resource is what is searched for. */
export type Condition = (resource: object) => boolean;

type Compare = (found: number | string, wanted: number | string) => boolean;

const comparisons: Readonly<Partial<Record<Operator, Compare>>> = {
  Equals: (found, wanted) => found === wanted,
  GreaterThan: (found, wanted) => found > wanted,
  GreaterThanOrEqualTo: (found, wanted) => found >= wanted,
  LessThan: (found, wanted) => found < wanted,
  LessThanOrEqualTo: (found, wanted) => found <= wanted,
};

/**
 * One filter as a condition.
 * @throws ValidationException when operator and value do not go together.
 */
export function conditionOf({ Name = "", Operator = "Equals", Value }: Filter): Condition {
  if (Operator === "Exists" || Operator === "NotExists") {
    if (Value !== undefined)
      throw validationException(`Value cannot be given with the operator ${Operator} of ${Name}.`);
    return (resource) => hasProperty(resource, Name) === (Operator === "Exists");
  }
  if (Value === undefined) throw validationException(`The operator ${Operator} of ${Name} needs a Value.`);
  if (Operator === "Contains") return someText(Name, (text) => text.includes(Value));
  if (Operator === "In") {
    const wanted = new Set(Value.split(",").map((each) => each.trim()));
    return someText(Name, (text) => wanted.has(text));
  }
  if (Operator === "NotEquals") {
    const equals = conditionOf({ Name, Operator: "Equals", Value });
    return (resource) => !equals(resource);
  }
  const compare = comparisons[Operator] as Compare;
  return (resource) => propertyValues(resource, Name).some((found) => compareAlike(found, Value, compare));
}

function someText(name: string, test: (text: string) => boolean): Condition {
  return (resource) =>
    propertyValues(resource, name).some((found) => test(found instanceof Date ? found.toISOString() : String(found)));
}

/** Compares times with times and numbers with numbers, also where a number is written as a text, as hyperparameters are. */
function compareAlike(found: string | number | boolean | Date, value: string, compare: Compare): boolean {
  if (found instanceof Date) {
    const time = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(value) || !value.includes("T") ? value : `${value}Z`);
    // Times in conditions have whole seconds, ours have milliseconds.
    return compare(value.includes(".") ? found.getTime() : Math.floor(found.getTime() / 1000) * 1000, time);
  }
  const [a, b] = [asNumber(found), asNumber(value)];
  if (a !== undefined && b !== undefined) return compare(a, b);
  return compare(String(found), value);
}
