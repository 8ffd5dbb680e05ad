import { CustomerError } from "../job/errors.ts";

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

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
