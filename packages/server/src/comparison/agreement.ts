import { type GivenAnswer, type Prediction, parseAnswer, readPredictions } from "./answers.ts";

/** How two answers to one request compare. */
export interface Agreement {
  /** Byte for byte. */
  readonly isIdentical: boolean;
  /** The same in everything, numbers within one part in a million. */
  readonly agrees: boolean;
  /** The same class for every record, where both answers have classes. */
  readonly hasSameLabels?: boolean;
  /** Mean absolute difference of the numbers, where both have the same form. */
  readonly difference?: number;
}

/** What arithmetic in another order may change in single precision. */
const relativeTolerance = 1e-6;
/** Longer answers are compared by their bytes alone: reading them takes time that requests wait for. */
const mostReadBytes = 256 * 1024;
/** Deeper ones count as different. */
const mostDepth = 64;

/** Compares the answers of two models to one request. */
export function compareAnswers(a: GivenAnswer, b: GivenAnswer): Agreement {
  if (a.body.equals(b.body)) return { isIdentical: true, agrees: true, hasSameLabels: true, difference: 0 };
  if (a.body.length + b.body.length > mostReadBytes) return { isIdentical: false, agrees: false };
  const [left, right] = [parseAnswer(a), parseAnswer(b)];
  if (left === undefined || right === undefined) return { isIdentical: false, agrees: false };
  const walk = new Walk();
  const hasSameForm = walk.compare(left, right, 0);
  const hasSameLabels = compareLabels(readPredictions(a), readPredictions(b));
  return {
    isIdentical: false,
    agrees: hasSameForm && walk.isClose,
    ...(hasSameLabels !== undefined && { hasSameLabels }),
    ...(hasSameForm && walk.numbers > 0 && { difference: walk.sum / walk.numbers }),
  };
}

/** Two values side by side. */
class Walk {
  isClose = true;
  /** Of absolute differences. */
  sum = 0;
  numbers = 0;

  /** @returns Whether both have the same form: all but numbers must be equal. */
  compare(a: unknown, b: unknown, depth: number): boolean {
    if (depth > mostDepth) return false;
    if (typeof a === "number" && typeof b === "number") {
      const difference = Math.abs(a - b);
      this.sum += difference;
      this.numbers += 1;
      if (difference > relativeTolerance * Math.max(Math.abs(a), Math.abs(b))) this.isClose = false;
      return true;
    }
    if (Array.isArray(a) && Array.isArray(b)) {
      return a.length === b.length && a.every((each, at) => this.compare(each, b[at], depth + 1));
    }
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
    if (Array.isArray(a) || Array.isArray(b)) return false;
    const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
    const names = Object.keys(left);
    return (
      names.length === Object.keys(right).length &&
      names.every((name) => Object.hasOwn(right, name) && this.compare(left[name], right[name], depth + 1))
    );
  }
}

function compareLabels(a: Prediction[] | undefined, b: Prediction[] | undefined): boolean | undefined {
  const [left, right] = [a?.map(classOf), b?.map(classOf)];
  if (left === undefined || right === undefined || left.length === 0) return undefined;
  if (left.includes(undefined) || right.includes(undefined)) return undefined;
  return left.length === right.length && left.every((label, at) => label === right[at]);
}

/** Only what is a class for certain: a lone number may be one or not. */
function classOf({ label, scores }: Prediction): string | undefined {
  return label ?? (scores && String(scores.indexOf(Math.max(...scores))));
}
