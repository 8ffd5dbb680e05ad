import type { Clock } from "../clock.ts";
import { randomHex } from "./random-id.ts";

const LAST_MILLI = 0xffff_ffff_ffff;

/**
 * Gives out version ids that sort newest first: 12 hex digits of inverted time, 4 of an inverted count within the
 * millisecond, 16 random ones so that an id cannot be guessed.
 */
export class VersionOrder {
  readonly #clock: Clock;
  #milli = 0;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param newerThan - An id that the new one must sort before, whatever the clock says. */
  next(newerThan?: string): string {
    let milli = Math.max(this.#clock.now(), this.#milli);
    if (newerThan !== undefined) {
      const newest = LAST_MILLI - Number.parseInt(newerThan.slice(0, 12), 16);
      // Given out by an earlier run of the server whose clock was ahead: go on after it.
      if (newest > milli || (newest === milli && milli !== this.#milli)) milli = newest + 1;
    }
    if (milli === this.#milli && this.#count === 0xffff) milli++;
    this.#count = milli === this.#milli ? this.#count + 1 : 0;
    this.#milli = milli;
    return hex(LAST_MILLI - milli, 12) + hex(0xffff - this.#count, 4) + randomHex(8);
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
