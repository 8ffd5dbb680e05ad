import type { Needs } from "./needs.ts";

/** Copies of one component that are to be placed. */
export interface Wanted {
  readonly name: string;
  readonly copies: number;
  readonly needs: Needs;
}

/**
 * Places copies on instances of one size: component after component in the given order, each copy where most memory is left, so that
 * a component's copies spread. All instances are on one machine, so placing anew moves nothing, and the same input always
 * gives the same places: no reservation needs to be kept.
 * @param instances - How many there are.
 * @param each - What each of them has.
 * @returns How many copies of each component have a place.
 */
export function place(instances: number, each: Needs, components: readonly Wanted[]): Map<string, number> {
  const free = Array.from({ length: instances }, () => ({ ...each }));
  const placed = new Map<string, number>();
  for (const { name, copies, needs } of components) {
    let count = 0;
    for (; count < copies; count++) {
      const fitting = free.filter((instance) => fits(needs, instance));
      const best = fitting.reduce<(typeof free)[number] | undefined>(
        (most, instance) => (most === undefined || instance.memoryBytes > most.memoryBytes ? instance : most),
        undefined,
      );
      if (best === undefined) break;
      best.cores -= needs.cores;
      best.accelerators -= needs.accelerators;
      best.memoryBytes -= needs.memoryBytes;
    }
    placed.set(name, count);
  }
  return placed;
}

function fits(needs: Needs, free: Needs): boolean {
  return needs.cores <= free.cores && needs.accelerators <= free.accelerators && needs.memoryBytes <= free.memoryBytes;
}
