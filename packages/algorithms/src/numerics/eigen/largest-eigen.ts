import type { Blas } from "../blas/blas.ts";
import { leadingEigen } from "./leading-eigen.ts";
import { type Eigen, symmetricEigen } from "./symmetric-eigen.ts";

/** Up to this size all eigenvectors are found as fast as some of them. */
const smallSize = 200;

/**
 * The largest eigenvalues of a positive semidefinite matrix and their vectors: out of all of them where the matrix is
 * small or many are wanted, else by iteration in single precision.
 * @param matrix - Shape (n, n), row-major, both triangles; used up.
 */
export function largestEigen(blas: Blas, matrix: Float64Array, n: number, count: number): Eigen {
  if (n > smallSize && count <= n / 4) return leadingEigen(blas, matrix, n, count);
  const { values, vectors } = symmetricEigen(matrix, n);
  return { values: values.slice(0, count), vectors: vectors.slice(0, count * n) };
}
