import type { HyperParameterSpecification } from "./algorithm-record.ts";

/** Why a value is none that its specification allows; `undefined` when it is one. */
export function wrongValue(specification: HyperParameterSpecification, value: string): string | undefined {
  const { Type, Range } = specification;
  switch (Type) {
    case "Integer": {
      if (!/^[-+]?\d+$/.test(value.trim())) return `"${value}" is not an integer`;
      return outside(value, Range?.IntegerParameterRangeSpecification);
    }
    case "Continuous": {
      if (value.trim() === "" || !Number.isFinite(Number(value))) return `"${value}" is not a number`;
      return outside(value, Range?.ContinuousParameterRangeSpecification);
    }
    case "Categorical": {
      const allowed = Range?.CategoricalParameterRangeSpecification?.Values;
      return allowed && !allowed.includes(value) ? `"${value}" is not one of ${allowed.join(", ")}` : undefined;
    }
    case "FreeText":
      return undefined;
  }
}

function outside(
  value: string,
  range: { readonly MinValue: string; readonly MaxValue: string } | undefined,
): string | undefined {
  if (!range) return undefined;
  const isInside = Number(value) >= Number(range.MinValue) && Number(value) <= Number(range.MaxValue);
  return isInside ? undefined : `${value} is not within ${range.MinValue} and ${range.MaxValue}`;
}
