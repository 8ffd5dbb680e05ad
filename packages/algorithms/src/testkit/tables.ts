import type { Table } from "../formats/rows.ts";

/** Dense labelled rows. */
export function denseTable(x: readonly (readonly number[])[], labels: readonly number[]): Table {
  const width = x[0]?.length ?? 0;
  return {
    features: { kind: "dense", count: x.length, width, values: Float32Array.from(x.flat()) },
    labels: Float32Array.from(labels),
    labelWidth: 1,
  };
}

/** The same rows with their zeros left out. */
export function sparseTable(x: readonly (readonly number[])[], labels: readonly number[]): Table {
  const entries = x.map((row) => row.flatMap((value, j) => (value === 0 ? [] : [{ value, j }])));
  const offsets = new Float64Array(x.length + 1);
  entries.forEach((row, i) => {
    offsets[i + 1] = (offsets[i] as number) + row.length;
  });
  return {
    features: {
      kind: "sparse",
      count: x.length,
      width: x[0]?.length ?? 0,
      offsets,
      columns: Uint32Array.from(entries.flat(), ({ j }) => j),
      values: Float32Array.from(entries.flat(), ({ value }) => value),
    },
    labels: Float32Array.from(labels),
    labelWidth: 1,
  };
}
