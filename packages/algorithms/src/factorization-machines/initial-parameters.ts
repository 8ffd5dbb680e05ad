import { type RandomStream, randomStream } from "../numerics/random.ts";
import type { FactorizationHyperparameters } from "./hyperparameters.ts";
import type { Parameters } from "./learner.ts";

/** The service has no hyperparameter for it: equal jobs give equal models. */
const seed = 0x66616374;
/** What Apache MXNet's initialisers have where a job does not say. */
const mxnetScale = 0.07;
const mxnetSigma = 0.01;

/** How one part of the parameters begins. */
interface Start {
  readonly method: "uniform" | "normal" | "constant";
  readonly scale: number | undefined;
  readonly sigma: number | undefined;
  readonly value: number | undefined;
}

/** Draws what training begins with: the bias, the linear weights, then the factors feature by feature. */
export function initialParameters(given: FactorizationHyperparameters): Parameters {
  const random = randomStream(seed);
  const { bias, linear, factors } = startsOf(given);
  const [first = 0] = fill(new Float32Array(1), bias, random);
  return {
    bias: first,
    linear: fill(new Float32Array(given.feature_dim), linear, random),
    factors: fill(new Float32Array(given.feature_dim * given.num_factors), factors, random),
  };
}

/**
 * What is wrong with factors that all begin alike: their gradients are then equal as well.
 * @returns A sentence for the log, or undefined where nothing is.
 */
export function faultOfStart({ num_factors, ...given }: FactorizationHyperparameters): string | undefined {
  const { method, sigma, scale, value } = startsOf({ num_factors, ...given }).factors;
  const isZero =
    (method === "constant" && (value ?? 0) === 0) ||
    (method === "normal" && sigma === 0) ||
    (method === "uniform" && scale === 0);
  if (isZero) return "All factors begin at 0 and stay there: the model will be linear.";
  if (method !== "constant" || num_factors === 1) return undefined;
  return `All factors of a feature begin alike and stay alike: ${num_factors} factors do the work of one.`;
}

function startsOf(given: FactorizationHyperparameters): Readonly<Record<"bias" | "linear" | "factors", Start>> {
  return {
    bias: {
      method: given.bias_init_method,
      scale: given.bias_init_scale,
      sigma: given.bias_init_sigma,
      value: given.bias_init_value,
    },
    linear: {
      method: given.linear_init_method,
      scale: given.linear_init_scale,
      sigma: given.linear_init_sigma,
      value: given.linear_init_value,
    },
    factors: {
      method: given.factors_init_method,
      scale: given.factors_init_scale,
      sigma: given.factors_init_sigma,
      value: given.factors_init_value,
    },
  };
}

function fill(target: Float32Array, { method, scale, sigma, value }: Start, random: RandomStream): Float32Array {
  if (method === "constant") return target.fill(value ?? 0);
  const width = scale ?? mxnetScale;
  const deviation = sigma ?? mxnetSigma;
  for (let i = 0; i < target.length; i++) {
    target[i] = method === "uniform" ? width * (2 * random.uniform() - 1) : deviation * random.normal();
  }
  return target;
}
