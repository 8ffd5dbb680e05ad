import { validationException } from "../../../errors.ts";
import { type Parameter, SearchSpace } from "../../../tuning/index.ts";
import type { Ranges } from "./definitions.ts";

/** Hyperparameters that one definition may vary, over all kinds. */
const maxTunable = 30;

const numberForm = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const integerForm = /^[+-]?\d+$/;

/**
 * Ranges as an optimiser takes them.
 * @param member - Where they stand in the request.
 * @throws ValidationException naming the hyperparameter whose range cannot be searched.
 */
export function parametersOf(ranges: Ranges, member: string): readonly Parameter[] {
  const parameters = [
    ...(ranges.IntegerParameterRanges ?? []).map((range) => numeric("integer", range, member)),
    ...(ranges.ContinuousParameterRanges ?? []).map((range) => numeric("continuous", range, member)),
    ...(ranges.CategoricalParameterRanges ?? []).map(({ Name, Values }): Parameter => {
      const values = Values as string[];
      const twice = values.find((value, index) => values.indexOf(value) !== index);
      if (twice !== undefined) throw refuse(member, Name, `has the value "${twice}" twice`);
      return { name: Name as string, kind: "categorical", values };
    }),
  ];
  const names = parameters.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw refuse(member, twice, "has two ranges");
  if (parameters.length > maxTunable) {
    throw validationException(`${member} has ${parameters.length} ranges; at most ${maxTunable} can be searched.`);
  }
  return parameters;
}

function numeric(
  kind: "integer" | "continuous",
  range: NonNullable<Ranges["IntegerParameterRanges"]>[number],
  member: string,
): Parameter {
  const { Name, MinValue, MaxValue, ScalingType: scaling = "Auto" } = range;
  for (const [end, value] of [
    ["MinValue", MinValue],
    ["MaxValue", MaxValue],
  ] as const) {
    const isOne = (kind === "integer" ? integerForm : numberForm).test(value) && Number.isFinite(Number(value));
    if (!isOne)
      throw refuse(
        member,
        Name,
        `has a ${end}, "${value}", that is not ${kind === "integer" ? "an integer" : "a number"}`,
      );
  }
  const [min, max] = [Number(MinValue), Number(MaxValue)];
  if (min > max)
    throw refuse(member, Name, `has a MinValue, ${MinValue}, that is greater than its MaxValue, ${MaxValue}`);
  if (kind === "integer" && !(Number.isSafeInteger(min) && Number.isSafeInteger(max))) {
    throw refuse(member, Name, "has an end beyond 9007199254740991, where integers cannot be told apart");
  }
  if (scaling === "Logarithmic" && min <= 0) {
    throw refuse(
      member,
      Name,
      `has a MinValue, ${MinValue}, that a Logarithmic scale cannot show: it must be greater than 0`,
    );
  }
  if (scaling === "ReverseLogarithmic") {
    if (kind === "integer") throw refuse(member, Name, "is an integer, which cannot have a ReverseLogarithmic scale");
    if (min < 0 || max >= 1) {
      throw refuse(
        member,
        Name,
        "cannot have a ReverseLogarithmic scale: its range must lie within 0 and 1, without 1",
      );
    }
  }
  return { name: Name as string, kind, min, max, scaling };
}

/**
 * How many trials a grid has.
 * @throws ValidationException for a range that is not categorical.
 */
export function gridSize(parameters: readonly Parameter[], member: string): number {
  const other = parameters.find(({ kind }) => kind !== "categorical");
  if (other) throw refuse(member, other.name, `is ${other.kind}, and the strategy Grid takes categorical ranges only`);
  return new SearchSpace(parameters).size;
}

function refuse(member: string, name: string | undefined, what: string): Error {
  return validationException(`${member}: the hyperparameter ${name} ${what}.`);
}
