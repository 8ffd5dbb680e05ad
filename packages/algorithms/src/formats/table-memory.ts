import { CustomerError } from "../job/errors.ts";
import type { MemoryBudget } from "./stream/memory-budget.ts";

/**
 * Refuses a table that cannot fit, before its memory is taken: the kernel's way of saying so is to kill the run.
 * @param limitBytes - What the run may use, where there is a limit.
 */
export function checkTableFits(tableBytes: number, limitBytes: number | undefined): void {
  if (limitBytes === undefined || tableBytes <= limitBytes) return;
  throw new CustomerError(
    `Out of Memory. The data takes ${mebibytes(tableBytes)} MiB as numbers, and this instance has ${mebibytes(limitBytes)} MiB. Please use a larger instance type.`,
  );
}

/** What a table must fit: the run's memory, and where something else would be done with larger ones, room that was kept for it. */
export interface TableLimits {
  /** What the run may use, where there is a limit. */
  readonly memoryBytes?: number | undefined;
  readonly room?: MemoryBudget | undefined;
}

/** Says that a table does not fit the room that was kept for it. */
export class NoRoom extends Error {
  override readonly name = "NoRoom";
}

/**
 * Takes room for a table.
 * @throws NoRoom where there is none, CustomerError where it would not fit the run's memory either.
 */
export function takeTableRoom(tableBytes: number, { memoryBytes, room }: TableLimits): void {
  if (room?.takeTable(tableBytes) === false) throw new NoRoom(`a table of ${tableBytes} bytes`);
  checkTableFits(tableBytes, memoryBytes);
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
