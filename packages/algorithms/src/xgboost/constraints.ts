import { CustomerError } from "../job/errors.ts";
import type { XGBoostHyperparameters } from "./hyperparameters.ts";

/** @throws CustomerError where constraints come with a tree method that has none. */
export function checkConstraints(given: XGBoostHyperparameters): void {
  const { tree_method: method = "", monotone_constraints, interaction_constraints } = given;
  if (monotone_constraints !== undefined && !["exact", "hist", "gpu_hist"].includes(method)) {
    throw new CustomerError(
      `monotone_constraints can be used only when tree_method is exact or hist, and it is ${method || "not given"}`,
    );
  }
  if (interaction_constraints !== undefined && !["exact", "hist", "approx", "gpu_hist"].includes(method)) {
    throw new CustomerError(
      `interaction_constraints can be used only when tree_method is exact, hist or approx, and it is ${method || "not given"}`,
    );
  }
}

/** `(1, 0, -1)`, as Python writes tuples, as the library takes it. */
export function monotoneConstraints(text: string): string {
  const numbers = /^\s*[([]([\s\S]*?),?\s*[)\]]\s*$/
    .exec(text)?.[1]
    ?.split(",")
    .map((each) => each.trim());
  const wrong = numbers?.find((each) => !["-1", "0", "1"].includes(each));
  if (numbers === undefined || wrong !== undefined) {
    throw new CustomerError(
      `Hyperparameter monotone_constraints: ${text} is not a tuple of -1, 0 and 1 such as (1,0,-1)`,
    );
  }
  return `(${numbers.join(",")})`;
}

/** `[[1,2],[3,4]]`: groups of columns that may meet. */
export function interactionConstraints(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined; // not JSON: refused below
  }
  const isNested =
    Array.isArray(value) &&
    value.every((group) => Array.isArray(group) && group.every((each) => Number.isInteger(each) && each >= 1));
  if (!isNested)
    throw new CustomerError(
      `Hyperparameter interaction_constraints: ${text} is not a list of lists of whole numbers >= 1 such as [[1,2],[3,4]]`,
    );
  return JSON.stringify(value);
}
