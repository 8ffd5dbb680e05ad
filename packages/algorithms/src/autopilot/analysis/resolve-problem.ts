import { CustomerError } from "../../job/errors.ts";
import { numberOf } from "../data/raw-table.ts";
import type { Problem, ProblemType } from "../problem.ts";

/** Distinct whole numbers up to which a target of numbers is one of classes, if there are few of them for the rows. */
const maxNumberedClasses = 20;
const rowsPerClass = 10;
/** The service's limit. */
const maxClasses = 2000;

/** The type that follows from a target without missing values. */
export function inferProblemType(values: readonly string[]): ProblemType {
  const distinct = new Set(values);
  if (distinct.size === 2) return "BinaryClassification";
  const numbers = [...distinct].map(numberOf);
  if (numbers.some(Number.isNaN)) return "MulticlassClassification";
  const isFew = distinct.size <= maxNumberedClasses && distinct.size * rowsPerClass <= values.length;
  return numbers.every(Number.isInteger) && isFew ? "MulticlassClassification" : "Regression";
}

/**
 * Says what is to be predicted.
 * @param values - The target's, none of them missing.
 * @param wanted - The type that the job was given.
 * @throws CustomerError where the target does not fit.
 */
export function resolveProblem(target: string, values: readonly string[], wanted: ProblemType | undefined): Problem {
  const distinct = [...new Set(values)];
  if (distinct.length < 2) {
    const only = distinct[0] === undefined ? "no values" : `only one value, '${distinct[0]}'`;
    throw new CustomerError(`The target attribute '${target}' has ${only}: there is nothing to learn from it.`);
  }
  const type = wanted ?? inferProblemType(values);
  if (type === "Regression") {
    const odd = distinct.find((value) => Number.isNaN(numberOf(value)));
    if (odd !== undefined) {
      throw new CustomerError(
        `The target attribute '${target}' has the value '${odd}', which is no number; the problem type Regression needs numbers.`,
      );
    }
    return { type, target, classes: [] };
  }
  if (type === "BinaryClassification" && distinct.length !== 2) {
    throw new CustomerError(
      `The target attribute '${target}' has ${distinct.length} distinct values; the problem type BinaryClassification needs two.`,
    );
  }
  if (distinct.length > maxClasses) {
    throw new CustomerError(
      `The target attribute '${target}' has ${distinct.length} classes; at most ${maxClasses} can be told apart.`,
    );
  }
  return { type, target, classes: sortedClasses(distinct) };
}

/** Numbers by their size, text by its characters: the last of two, 1 or `yes` or `true`, is the positive one. */
function sortedClasses(classes: readonly string[]): string[] {
  const areNumbers = classes.every((value) => !Number.isNaN(numberOf(value)));
  return [...classes].sort((a, b) => (areNumbers ? numberOf(a) - numberOf(b) : a < b ? -1 : 1));
}

/**
 * The target as numbers: of classes, or values.
 * @throws CustomerError for a class that is none of the problem's.
 */
export function labelsOf({ type, target, classes }: Problem, values: readonly string[]): Float64Array {
  if (type === "Regression") return Float64Array.from(values, numberOf);
  const numbers = new Map(classes.map((name, number) => [name, number]));
  return Float64Array.from(values, (value) => {
    const number = numbers.get(value);
    if (number !== undefined) return number;
    throw new CustomerError(
      `The validation data has the value '${value}' of the target attribute '${target}', which the training data has not.`,
    );
  });
}
