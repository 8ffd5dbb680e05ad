import { invalidParameterCombination, invalidParameterValue } from "./errors.ts";

const day = 24 * 3600;

/** Periods of less than a minute, for metrics of high resolution. */
const fine = [1, 5, 10, 20, 30];

/** @throws InvalidParameterValue unless it is 1, 5, 10, 20, 30 or a multiple of 60 seconds. */
export function checkPeriod(member: string, period: number): void {
  if (fine.includes(period) || (period > 0 && period % 60 === 0)) return;
  throw invalidParameterValue(`The parameter ${member} must be 1, 5, 10, 20, 30, or a multiple of 60.`);
}

/** A stretch of time in whole seconds since 1970. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Start and end of a request. As CloudWatch does, the start is rounded down to a whole minute (or the period below it),
 * to 5 minutes after 15 days and to an hour after 63 days, which is how points are kept by then.
 * @throws InvalidParameterCombination when nothing lies between them.
 */
export function readRange(start: Date, end: Date, period: number, now: number): TimeRange {
  if (!(start.getTime() < end.getTime())) {
    throw invalidParameterCombination("The parameter StartTime must be less than the parameter EndTime.");
  }
  const from = Math.floor(start.getTime() / 1000);
  const age = now / 1000 - from;
  const width = age > 63 * day ? 3600 : age > 15 * day ? 300 : Math.min(60, period);
  return { from: Math.floor(from / width) * width, to: Math.ceil(end.getTime() / 1000) };
}
