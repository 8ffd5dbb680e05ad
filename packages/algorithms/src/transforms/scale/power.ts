import { CustomerError } from "../../job/errors.ts";
import { eachColumn, isConstant, mapNumbers, momentsOf, present } from "../numbers.ts";
import { flag, oneOf } from "../options.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import { minimize } from "./minimize.ts";

/** Makes columns as normal as a power can, and then scales them to mean 0 and variance 1. */
export interface PowerSpec extends TransformSpec {
  readonly kind: "power";
  /** `yeo-johnson`, the default, takes every number; `box-cox` only positive ones. */
  readonly method?: "yeo-johnson" | "box-cox";
  readonly standardize?: boolean;
}

interface State {
  readonly method: "yeo-johnson" | "box-cox";
  readonly lambdas: readonly number[];
  readonly means: readonly number[];
  readonly deviations: readonly number[];
}

export const power: TransformKind<PowerSpec, State> = {
  kind: "power",
  options: { method: oneOf("yeo-johnson", "box-cox"), standardize: flag },
  takes: ["numeric"],
  fit({ table }, { method = "yeo-johnson", standardize = true }) {
    const transform = transforms[method];
    const fitted = eachColumn(table, (values, name) => {
      const given = present(values);
      if (method === "box-cox" && given.some((value) => value <= 0)) {
        throw new CustomerError(
          `Column '${name}' has values that are not positive, which 'box-cox' needs; 'yeo-johnson' does not.`,
        );
      }
      const lambda = isConstant(momentsOf(given)) ? 1 : mostLikely(given, method);
      const moments = momentsOf(given.map((value) => transform(value, lambda)));
      const isScaled = standardize && moments.count > 0;
      return {
        lambda,
        mean: isScaled ? moments.mean : 0,
        deviation: isScaled && !isConstant(moments) ? Math.sqrt(moments.variance) : 1,
      };
    });
    return {
      state: {
        method,
        lambdas: fitted.map(({ lambda }) => lambda),
        means: fitted.map(({ mean }) => mean),
        deviations: fitted.map(({ deviation }) => deviation),
      },
    };
  },
  open({ method, lambdas, means, deviations }) {
    const transform = transforms[method];
    return (table) =>
      mapNumbers(table, (values, column) => {
        const [lambda, mean, deviation] = [lambdas[column], means[column], deviations[column]] as [
          number,
          number,
          number,
        ];
        return values.map((value) => (transform(value, lambda) - mean) / deviation);
      });
  },
};

const transforms = { "yeo-johnson": yeoJohnson, "box-cox": boxCox } as const;

/** Yeo and Johnson (2000), A new family of power transformations to improve normality or symmetry, Biometrika 87(4). */
function yeoJohnson(x: number, lambda: number): number {
  if (x >= 0) return lambda === 0 ? Math.log1p(x) : Math.expm1(lambda * Math.log1p(x)) / lambda;
  const other = 2 - lambda;
  return other === 0 ? -Math.log1p(-x) : -Math.expm1(other * Math.log1p(-x)) / other;
}

/** Box and Cox (1964), An analysis of transformations, J. Royal Stat. Soc. B 26(2). Missing where x is not positive. */
function boxCox(x: number, lambda: number): number {
  if (!(x > 0)) return Number.NaN;
  return lambda === 0 ? Math.log(x) : Math.expm1(lambda * Math.log(x)) / lambda;
}

/** The power under which the values are most likely to be normal. */
function mostLikely(values: Float64Array, method: State["method"]): number {
  const transform = transforms[method];
  const slope = method === "box-cox" ? Math.log : (value: number) => Math.sign(value) * Math.log1p(Math.abs(value));
  const slopes = values.reduce((sum, value) => sum + slope(value), 0);
  const room = new Float64Array(values.length);
  const unlikelihood = (lambda: number): number => {
    for (let i = 0; i < values.length; i++) room[i] = transform(values[i] as number, lambda);
    const { variance } = momentsOf(room);
    if (!(variance > 0 && variance < Infinity)) return Infinity;
    return (values.length / 2) * Math.log(variance) - (lambda - 1) * slopes;
  };
  return minimize(unlikelihood, -2, 2);
}
