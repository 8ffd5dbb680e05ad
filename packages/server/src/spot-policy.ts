import { createHash } from "node:crypto";

/** How managed spot training behaves on this installation. */
export interface SpotPolicy {
  /** What spot saves of the price, 0 to 1: BillableTimeInSeconds is TrainingTimeInSeconds times one less this. */
  readonly discount: number;
  /** The probability that a running spot job is interrupted within an hour, 0 up to, but not including, 1. */
  readonly hourlyProbability: number;
  /** Minutes past every hour (0 to 59) at which all running spot jobs are interrupted. */
  readonly minutesOfHour: readonly number[];
}

/** Nothing is interrupted unless somebody asks for it; the discount is what the service's own examples show. */
export const defaultSpotPolicy: SpotPolicy = { discount: 0.7, hourlyProbability: 0, minutesOfHour: [] };

const hourMs = 3_600_000;
const minuteMs = 60_000;

/**
 * When an attempt that began to train at `startedAt` loses its machine. Interruptions come as a Poisson process, drawn
 * from the attempt's name: the answer is the same whenever it is asked, so that a restart of the server neither brings an
 * interruption forward nor puts it off, and nothing has to be remembered.
 * @param startedAt - Milliseconds since 1970.
 * @returns Milliseconds since 1970, `Infinity` for never.
 */
export function interruptedAt(policy: SpotPolicy, attemptName: string, startedAt: number): number {
  return Math.min(drawn(policy, attemptName, startedAt), scheduled(policy, startedAt));
}

function drawn({ hourlyProbability }: SpotPolicy, attemptName: string, startedAt: number): number {
  if (hourlyProbability === 0) return Number.POSITIVE_INFINITY;
  // P(no interruption within an hour) = exp(-rate) = 1 - hourlyProbability.
  const rate = -Math.log1p(-hourlyProbability);
  return startedAt + (-Math.log(uniform(attemptName)) / rate) * hourMs;
}

/** In (0, 1), by the name alone. */
function uniform(name: string): number {
  const digest = createHash("sha256").update(`spot\n${name}`).digest();
  return (digest.readUInt32BE(0) + 0.5) / 2 ** 32;
}

function scheduled({ minutesOfHour }: SpotPolicy, startedAt: number): number {
  const hour = Math.floor(startedAt / hourMs) * hourMs;
  const times = minutesOfHour.map((minute) => {
    const at = hour + minute * minuteMs;
    return at > startedAt ? at : at + hourMs;
  });
  return Math.min(Number.POSITIVE_INFINITY, ...times);
}
