import type { Rows } from "../formats/rows.ts";

/** Copies a row to where `target` has room for it: floats from `to` on, which may hold another row of this width. */
export function putRow(rows: Rows, row: number, target: Float32Array, to: number): void {
  const { width, values } = rows;
  if (rows.kind === "dense") {
    const from = row * width;
    for (let j = 0; j < width; j++) target[to + j] = values[from + j] as number;
    return;
  }
  target.fill(0, to, to + width);
  const end = rows.offsets[row + 1] as number;
  for (let e = rows.offsets[row] as number; e < end; e++) {
    target[to + (rows.columns[e] as number)] = values[e] as number;
  }
}
