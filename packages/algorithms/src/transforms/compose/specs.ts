import { CustomerError } from "../../job/errors.ts";
import type { TransformSpec } from "../transform.ts";

/** A list of specifications that came as JSON. @throws CustomerError when it is none. */
export function specsOf(value: unknown, what: string): readonly TransformSpec[] {
  if (!Array.isArray(value)) throw new CustomerError(`The ${what} must be a list of transforms.`);
  return value.map((each) => specOf(each, what));
}

/** @throws CustomerError when it is no object with a kind. */
export function specOf(value: unknown, what: string): TransformSpec {
  if (typeof value === "object" && value !== null && typeof (value as TransformSpec).kind === "string") {
    return value as TransformSpec;
  }
  throw new CustomerError(`The ${what} must be objects with a "kind", got ${JSON.stringify(value)?.slice(0, 80)}.`);
}
