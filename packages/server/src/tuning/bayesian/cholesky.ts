/** Lower triangular factor of a symmetric positive definite matrix, shape (n, n), row-major. */
export class Cholesky {
  readonly size: number;
  readonly #lower: Float64Array;

  private constructor(size: number, lower: Float64Array) {
    this.size = size;
    this.#lower = lower;
  }

  /**
   * Factors a matrix in place: its lower triangle becomes the factor.
   * @param matrix - Shape (n, n), row-major; only the lower triangle is read.
   * @param base - Factor of the first rows and columns, where it is known: only the rest is worked on.
   * @returns `undefined` when it is not positive definite as far as doubles can tell.
   */
  static factor(matrix: Float64Array, n: number, base?: Cholesky): Cholesky | undefined {
    const known = base?.size ?? 0;
    for (let i = 0; i < known; i++) matrix.set((base as Cholesky).#row(i), i * n);
    for (let i = known; i < n; i++) {
      const row = i * n;
      for (let j = 0; j <= i; j++) {
        const other = j * n;
        let sum = matrix[row + j] as number;
        for (let k = 0; k < j; k++) sum -= (matrix[row + k] as number) * (matrix[other + k] as number);
        if (j < i) matrix[row + j] = sum / (matrix[other + j] as number);
        else if (sum > 0) matrix[row + i] = Math.sqrt(sum);
        else return undefined;
      }
    }
    return new Cholesky(n, matrix);
  }

  #row(i: number): Float64Array {
    return this.#lower.subarray(i * this.size, i * this.size + i + 1);
  }

  /** Solves L x = b in place. */
  solveLower(b: Float64Array): Float64Array {
    const n = this.size;
    for (let i = 0; i < n; i++) {
      const row = i * n;
      let sum = b[i] as number;
      for (let k = 0; k < i; k++) sum -= (this.#lower[row + k] as number) * (b[k] as number);
      b[i] = sum / (this.#lower[row + i] as number);
    }
    return b;
  }

  /** Solves Lᵀ x = b in place. */
  solveUpper(b: Float64Array): Float64Array {
    const n = this.size;
    for (let i = n - 1; i >= 0; i--) {
      const row = i * n;
      const value = (b[i] as number) / (this.#lower[row + i] as number);
      b[i] = value;
      for (let k = 0; k < i; k++) b[k] = (b[k] as number) - (this.#lower[row + k] as number) * value;
    }
    return b;
  }

  /** Solves L Lᵀ x = b in place. */
  solve(b: Float64Array): Float64Array {
    return this.solveUpper(this.solveLower(b));
  }

  /** L b, of a vector of standard normals: a draw with this covariance. */
  multiply(b: Float64Array): Float64Array {
    const n = this.size;
    return Float64Array.from({ length: n }, (_, i) => {
      let sum = 0;
      for (let k = 0; k <= i; k++) sum += (this.#lower[i * n + k] as number) * (b[k] as number);
      return sum;
    });
  }

  /** The logarithm of the matrix's determinant. */
  get logDeterminant(): number {
    let sum = 0;
    for (let i = 0; i < this.size; i++) sum += Math.log(this.#lower[i * this.size + i] as number);
    return 2 * sum;
  }

  /** The inverse of the matrix, shape (n, n), row-major and symmetric. */
  inverse(): Float64Array {
    const n = this.size;
    // Rows of the factor's inverse, then their products.
    const inverse = new Float64Array(n * n);
    for (let j = 0; j < n; j++) {
      inverse[j * n + j] = 1 / (this.#lower[j * n + j] as number);
      for (let i = j + 1; i < n; i++) {
        let sum = 0;
        for (let k = j; k < i; k++) sum -= (this.#lower[i * n + k] as number) * (inverse[j * n + k] as number);
        // Kept transposed, so that both inner loops run along rows.
        inverse[j * n + i] = sum / (this.#lower[i * n + i] as number);
      }
    }
    const result = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let k = i; k < n; k++) sum += (inverse[i * n + k] as number) * (inverse[j * n + k] as number);
        result[i * n + j] = sum;
        result[j * n + i] = sum;
      }
    }
    return result;
  }
}
