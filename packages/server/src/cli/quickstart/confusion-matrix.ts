/** A table of what was predicted (columns) for what is true (rows), for a terminal. */
export function confusionMatrix(
  names: readonly string[],
  truth: readonly number[],
  predicted: readonly number[],
): string {
  const counts = names.map(() => names.map(() => 0));
  truth.forEach((label, index) => {
    const row = counts[label];
    const column = predicted[index];
    if (row && column !== undefined && row[column] !== undefined) row[column] += 1;
  });
  const width = Math.max(...names.map((name) => name.length), "true \\ predicted".length) + 2;
  const line = (cells: readonly (string | number)[]): string =>
    cells.map((cell, index) => (index === 0 ? String(cell).padEnd(width) : String(cell).padStart(width))).join("");
  return [
    line(["true \\ predicted", ...names]),
    ...names.map((name, row) => line([name, ...(counts[row] ?? [])])),
  ].join("\n");
}
