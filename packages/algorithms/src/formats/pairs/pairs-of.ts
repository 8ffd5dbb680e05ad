import type { Rows } from "../rows.ts";

/** Names and addresses as whole numbers: row i has the hash of its name at 2 i and the address after it. */
export function pairsOf({ values, count }: Rows): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, 2 * count);
}
