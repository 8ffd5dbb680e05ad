/** Sum of products of two vectors of the same length. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** Adds a multiple of `b` to `a`. */
export function addMultiple(a: Float64Array, b: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] = (a[i] as number) + factor * (b[i] as number);
}

/**
 * Makes rows orthonormal, each against those before it, twice: once leaves errors that grow with the condition
 * (Giraud, Langou and Rozloznik 2005, The loss of orthogonality in the Gram-Schmidt process). A row that depends on those
 * before it is replaced.
 * @param rows - Shape (count, n), count up to n.
 * @param draw - Gives the numbers of a replacement.
 */
export function orthonormalize(rows: Float64Array, count: number, n: number, draw: () => number): void {
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * n, (i + 1) * n);
    for (let isDone = false; !isDone; ) {
      const before = Math.sqrt(dot(row, row));
      for (let pass = 0; pass < 2; pass++) {
        for (let j = 0; j < i; j++) {
          const other = rows.subarray(j * n, (j + 1) * n);
          addMultiple(row, other, -dot(row, other));
        }
      }
      const norm = Math.sqrt(dot(row, row));
      isDone = norm > 1e-10 * before;
      for (let j = 0; j < n; j++) row[j] = isDone ? (row[j] as number) / norm : draw();
    }
  }
}
