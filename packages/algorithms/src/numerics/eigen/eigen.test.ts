import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openBlas } from "../blas/blas.ts";
import { randomStream } from "../random.ts";
import { leadingEigen } from "./leading-eigen.ts";
import { type Eigen, symmetricEigen } from "./symmetric-eigen.ts";
import { dot, orthonormalize } from "./vectors.ts";

/** A symmetric matrix with these eigenvalues, and random vectors. */
function matrixOf(values: readonly number[], seed: number): Float64Array {
  const n = values.length;
  const random = randomStream(seed);
  const vectors = Float64Array.from({ length: n * n }, () => random.normal());
  orthonormalize(vectors, n, n, () => random.normal());
  const matrix = new Float64Array(n * n);
  for (const [c, value] of values.entries()) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const at = i * n + j;
        matrix[at] = (matrix[at] as number) + value * (vectors[c * n + i] as number) * (vectors[c * n + j] as number);
      }
    }
  }
  return matrix;
}

/** How far each vector is from being one, and from being at right angles to the others. */
function errors(matrix: Float64Array, n: number, { values, vectors }: Eigen) {
  const row = (from: Float64Array, i: number) => from.subarray(i * n, (i + 1) * n);
  let [residual, angle] = [0, 0];
  for (const [c, value] of values.entries()) {
    const vector = row(vectors, c);
    for (let i = 0; i < n; i++) {
      residual = Math.max(residual, Math.abs(dot(row(matrix, i), vector) - value * (vector[i] as number)));
    }
    for (let other = 0; other <= c; other++) {
      angle = Math.max(angle, Math.abs(dot(vector, row(vectors, other)) - (other === c ? 1 : 0)));
    }
  }
  return { residual, angle };
}

describe("all eigenvectors", () => {
  test("of any symmetric matrix", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.integer(),
        fc.constantFrom(1, 1e-150, 1e150),
        (n, seed, scale) => {
          const random = randomStream(seed);
          const matrix = new Float64Array(n * n);
          for (let i = 0; i < n; i++) {
            for (let j = 0; j <= i; j++) matrix[i * n + j] = matrix[j * n + i] = scale * random.normal();
          }
          const found = symmetricEigen(matrix.slice(), n);
          const { residual, angle } = errors(matrix, n, found);
          expect(residual).toBeLessThan(1e-13 * n * scale);
          expect(angle).toBeLessThan(1e-13 * n);
          expect([...found.values]).toEqual([...found.values].sort((a, b) => b - a));
        },
      ),
      { numRuns: 100 },
    );
  });

  test("of matrices with equal eigenvalues, zeros, and diagonals", () => {
    for (const values of [[2, 2, 2, 1, 1], [3, 0, 0, 0], [0, 0, 0], [5], [1e8, 1, 1e-8]]) {
      const matrix = matrixOf(values, 3);
      const found = symmetricEigen(matrix.slice(), values.length);
      values.forEach((value, c) =>
        expect(Math.abs((found.values[c] as number) - value)).toBeLessThan(
          1e-14 * values.length * Math.max(...values) + 1e-300,
        ),
      );
      expect(errors(matrix, values.length, found).angle).toBeLessThan(1e-13);
    }
    const diagonal = Float64Array.of(1, 0, 0, 0, 3, 0, 0, 0, 2);
    expect(symmetricEigen(diagonal, 3)).toEqual({
      values: Float64Array.of(3, 2, 1),
      vectors: Float64Array.of(0, 1, 0, 0, 0, 1, 1, 0, 0),
    });
  });

  test("not of one that is not finite", () => {
    expect(() => symmetricEigen(Float64Array.of(1, Number.NaN, Number.NaN, 1), 2)).toThrow("not finite");
  });
});

describe("the largest eigenvectors", () => {
  const n = 250;
  const spectrum = (of: (c: number) => number) => Array.from({ length: n }, (_, c) => of(c));

  test.for<[string, readonly number[]]>([
    ["that fall fast", spectrum((c) => 0.7 ** c)],
    ["that fall slowly", spectrum((c) => 1 / (1 + c / 10))],
    ["above many equal ones", spectrum((c) => (c < 12 ? 20 - c : 1))],
    ["equal ones among them", spectrum((c) => [9, 9, 9, 4, 4, 2][c] ?? 0.5 / (c + 1))],
    ["of few that are not zero", spectrum((c) => (c < 3 ? 3 - c : 0))],
    ["of nothing", spectrum(() => 0)],
  ])("%s", async ([, values]) => {
    const { blas } = await openBlas(2, undefined);
    const matrix = matrixOf(values, 11);
    const found = leadingEigen(blas, matrix, n, 6);
    await blas.close();
    const largest = values[0] as number;
    values.slice(0, 6).forEach((value, c) => {
      expect(Math.abs((found.values[c] as number) - value)).toBeLessThanOrEqual(2e-6 * largest);
    });
    const { residual, angle } = errors(matrix, n, found);
    expect(residual).toBeLessThanOrEqual(1e-5 * largest);
    expect(angle).toBeLessThan(1e-10);
  });
});

test("rows that depend on each other are replaced", () => {
  const rows = Float64Array.of(1, 1, 0, 2, 2, 0, 0, 0, 0);
  const random = randomStream(1);
  orthonormalize(rows, 3, 3, () => random.normal());
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      expect(dot(rows.subarray(i * 3, i * 3 + 3), rows.subarray(j * 3, j * 3 + 3))).toBeCloseTo(i === j ? 1 : 0, 12);
    }
  }
});
