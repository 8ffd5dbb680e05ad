import type { KernelPool, PoolExports } from "../numerics/kernel-pool.ts";

/**
 * Arrays of equal length in a kernel's memory that grow together, to twice their length or more: the pool takes no
 * memory back.
 */
export class GrownArrays<Name extends string> {
  readonly #pool: KernelPool<PoolExports>;
  readonly #sizes: Readonly<Record<Name, number>>;
  #addresses: Readonly<Record<Name, number>>;
  #count = 0;

  /** @param sizes - Bytes of an element of each, multiples of 4. */
  constructor(pool: KernelPool<PoolExports>, sizes: Readonly<Record<Name, number>>) {
    this.#pool = pool;
    this.#sizes = sizes;
    this.#addresses = this.#allocate(0);
  }

  /** Elements that there is room for. */
  get count(): number {
    return this.#count;
  }

  get addresses(): Readonly<Record<Name, number>> {
    return this.#addresses;
  }

  /** Makes room for at least so many elements, and keeps those that are there. */
  reserve(count: number): void {
    if (count <= this.#count) return;
    const before = this.#addresses;
    const kept = this.#count;
    const wanted = Math.max(count, 2 * kept);
    this.#addresses = this.#allocate(wanted);
    for (const [name, size] of this.#each()) {
      const words = (kept * size) / 4;
      this.#pool.integers(this.#addresses[name], words).set(this.#pool.integers(before[name], words));
    }
    this.#count = wanted;
  }

  #allocate(count: number): Readonly<Record<Name, number>> {
    const addresses: Partial<Record<Name, number>> = {};
    for (const [name, size] of this.#each()) addresses[name] = this.#pool.allocate(count * size);
    return addresses as Record<Name, number>; // each of them was just set
  }

  #each(): [Name, number][] {
    return Object.entries(this.#sizes) as [Name, number][]; // a record has no other keys than its own
  }
}
