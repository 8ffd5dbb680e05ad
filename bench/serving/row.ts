/** The one row that a request brings, of the model that `endpoint-reference` makes: 28 columns. */
export const row: readonly number[] = Array.from({ length: 28 }, (_, n) => ((n * 37) % 40) / 20 - 1);

/** The same as CSV. */
export const csvRow: string = row.map((value) => value.toFixed(6)).join(",");
