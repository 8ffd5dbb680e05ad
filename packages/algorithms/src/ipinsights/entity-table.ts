/** Rows of the table in one piece of memory: pieces stay below what one array may have, and are made when first used. */
const pieceBytes = 256 * 1024 * 1024;

/** Where a mini-batch has its entities. */
interface Staged {
  /** Shape (entities, 3, stride). */
  readonly table: Float32Array;
  readonly entityOf: Int32Array;
  readonly groups: Int32Array;
  readonly groupRows: Int32Array;
}

/**
 * Vectors of all entities, with Adam's two moments beside each. All are zero at first: an entity that was never seen says
 * nothing of any address. Rows that a mini-batch needs are copied to the kernel and back, so that the table may be larger
 * than a kernel's memory.
 */
export class EntityTable {
  readonly count: number;
  readonly #rowFloats: number;
  readonly #rowsPerPiece: number;
  readonly #pieces: (Float32Array | undefined)[];
  /** One bit for each entity that was learned from. */
  readonly #seen: Uint8Array;
  /** Entities of the last mini-batch. */
  #staged: Float64Array = new Float64Array();
  #stagedCount = 0;

  constructor(count: number, stride: number) {
    this.count = count;
    this.#rowFloats = 3 * stride;
    this.#rowsPerPiece = Math.max(1, Math.floor(pieceBytes / (4 * this.#rowFloats)));
    this.#pieces = Array.from({ length: Math.ceil(count / this.#rowsPerPiece) }, () => undefined);
    this.#seen = new Uint8Array(Math.ceil(count / 8));
  }

  /**
   * Brings the entities of a mini-batch together, each once, in the order of their numbers.
   * @param entities - One of each row.
   * @returns How many there are.
   */
  stage(entities: Uint32Array, { table, entityOf, groups, groupRows }: Staged): number {
    const rows = entities.length;
    if (this.#staged.length < rows) this.#staged = new Float64Array(rows);
    // Sorted by entity, then by row: a row's number has 20 bits, an entity's 28.
    const keys = this.#staged.subarray(0, rows);
    for (let i = 0; i < rows; i++) keys[i] = (entities[i] as number) * 2 ** 20 + i;
    keys.sort();
    let unique = 0;
    let last = -1;
    for (let at = 0; at < rows; at++) {
      const key = keys[at] as number;
      const entity = Math.floor(key / 2 ** 20);
      const row = key - entity * 2 ** 20;
      if (entity !== last) {
        groups[unique] = at;
        table.set(this.row(entity), unique * this.#rowFloats);
        keys[unique++] = entity; // those before `at` have been read
        last = entity;
      }
      groupRows[at] = row;
      entityOf[row] = unique - 1;
    }
    groups[unique] = rows;
    this.#stagedCount = unique;
    return unique;
  }

  /** Takes back what a mini-batch has learned. */
  settle({ table }: Staged): void {
    for (let u = 0; u < this.#stagedCount; u++) {
      const entity = this.#staged[u] as number;
      this.row(entity).set(table.subarray(u * this.#rowFloats, (u + 1) * this.#rowFloats));
      this.#seen[entity >> 3] = (this.#seen[entity >> 3] as number) | (1 << (entity & 7));
    }
  }

  /** Entities that were learned from, in order. */
  *seen(): Generator<number> {
    for (const [byte, bits] of this.#seen.entries()) {
      if (bits === 0) continue;
      for (let bit = 0; bit < 8; bit++) if ((bits >> bit) & 1) yield 8 * byte + bit;
    }
  }

  /** Vector and moments, shape (3, stride). */
  row(entity: number): Float32Array {
    const piece = Math.floor(entity / this.#rowsPerPiece);
    const rows = Math.min(this.#rowsPerPiece, this.count - piece * this.#rowsPerPiece);
    const values = (this.#pieces[piece] ??= new Float32Array(rows * this.#rowFloats));
    const at = (entity - piece * this.#rowsPerPiece) * this.#rowFloats;
    return values.subarray(at, at + this.#rowFloats);
  }
}

/** Memory of a table in bytes, when every entity has been seen. */
export function tableBytes(count: number, stride: number): number {
  return count * (3 * 4 * stride + 1 / 8);
}
