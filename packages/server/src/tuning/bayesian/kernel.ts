import type { Point, SearchSpace } from "../search-space.ts";

const root5 = Math.sqrt(5);

/** How alike trials are by what they were run with: Matérn 5/2 with a length scale for each parameter. */
export class Matern52 {
  readonly #isCategorical: readonly boolean[];

  constructor(space: SearchSpace) {
    this.#isCategorical = space.parameters.map((_, index) => space.isCategorical(index));
  }

  get dimensions(): number {
    return this.#isCategorical.length;
  }

  /**
   * Squared distance along one parameter. Categorical values have no order: each is as far from every other.
   */
  squaredStep(index: number, a: Point, b: Point): number {
    const step = (a[index] as number) - (b[index] as number);
    if (this.#isCategorical[index]) return step === 0 ? 0 : 1;
    return step * step;
  }

  /** Correlation of two points, 1 for equal ones. @param inverseSquares - 1 / l² of each parameter. */
  correlation(a: Point, b: Point, inverseSquares: Float64Array): number {
    let square = 0;
    for (let index = 0; index < inverseSquares.length; index++) {
      square += this.squaredStep(index, a, b) * (inverseSquares[index] as number);
    }
    return matern52(square);
  }
}

/** Matérn 5/2 of a squared distance in length scales. */
export function matern52(square: number): number {
  const r = Math.sqrt(5 * square);
  return (1 + r + (5 / 3) * square) * Math.exp(-r);
}

/** The derivative of `matern52` by the logarithm of a length scale is this times that parameter's share of the square. */
export function matern52Slope(square: number): number {
  const r = root5 * Math.sqrt(square);
  return (5 / 3) * (1 + r) * Math.exp(-r);
}
