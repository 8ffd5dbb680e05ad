/** A value and the interval that covers the true one in 95 of 100 such experiments. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** How much two things differ, and how easily that comes about by chance. */
export interface Difference extends Estimate {
  /** Two-sided: the probability of a difference at least as large where there is none. */
  readonly p: number;
  /** The test's name. */
  readonly test: string;
}

/** What every interval of a comparison covers. */
export const confidence = 0.95;
