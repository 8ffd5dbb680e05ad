import type { SparseColumn, TextColumn } from "../table/column.ts";

/** A text's numbers: places of its terms among the columns, ascending, and what stands there. */
export interface TermRow {
  readonly places: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

const none: SparseColumn = { kind: "sparse", rows: new Uint32Array(), values: new Float64Array() };

/**
 * One column for each term. A distinct text is looked at once, however many rows have it.
 * @param width - Number of columns.
 */
export function termColumns(
  { codes, texts }: TextColumn,
  width: number,
  rowOf: (text: string) => TermRow,
): SparseColumn[] {
  const rows: (TermRow | undefined)[] = texts.map(() => undefined);
  const sizes = new Uint32Array(width);
  for (const code of codes) {
    if (code < 0) continue;
    const { places } = (rows[code] ??= rowOf(texts[code] as string));
    for (let i = 0; i < places.length; i++) sizes[places[i] as number] = (sizes[places[i] as number] as number) + 1;
  }
  const columns = Array.from(
    sizes,
    (size): SparseColumn =>
      size === 0 ? none : { kind: "sparse", rows: new Uint32Array(size), values: new Float64Array(size) },
  );
  sizes.fill(0);
  for (let row = 0; row < codes.length; row++) {
    const own = rows[codes[row] as number];
    if (own === undefined) continue;
    for (let i = 0; i < own.places.length; i++) {
      const place = own.places[i] as number;
      const column = columns[place] as SparseColumn;
      const at = sizes[place] as number;
      column.rows[at] = row;
      column.values[at] = own.values[i] as number;
      sizes[place] = at + 1;
    }
  }
  return columns;
}
