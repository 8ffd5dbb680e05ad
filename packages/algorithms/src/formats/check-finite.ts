import { CustomerError } from "../job/errors.ts";
import type { Rows } from "./rows.ts";

/**
 * Refuses values that no model can learn from.
 * @param firstRow - Rows of the channel before these.
 * @throws CustomerError naming the first row and feature that is missing or infinite.
 */
export function checkFinite(features: Rows, channel: string, firstRow = 0): void {
  const { values } = features;
  for (let e = 0; e < values.length; e++) {
    // A difference with itself is NaN for NaN and both infinities.
    if ((values[e] as number) - (values[e] as number) === 0) continue;
    const { row, column } = placeOf(features, e);
    throw new CustomerError(
      `The ${channel} channel has a value that is missing or not finite: row ${firstRow + row + 1}, feature ${column + 1} is ${values[e]}.`,
    );
  }
}

function placeOf(features: Rows, entry: number): { row: number; column: number } {
  if (features.kind === "dense") return { row: Math.floor(entry / features.width), column: entry % features.width };
  return {
    row: features.offsets.findIndex((offset) => offset > entry) - 1,
    column: features.columns[entry] as number,
  };
}
