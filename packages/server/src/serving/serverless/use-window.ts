/**
 * How many environments recent requests have had use for: as many as there are requests under way, and as many as there were
 * within the idle time. Times are milliseconds.
 */
export class UseWindow {
  readonly #idleMs: number;
  /** At `n`: until when an environment number `n` is kept. */
  readonly #until: number[] = [];
  inFlight = 0;

  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  /** A request has come. */
  begin(): void {
    this.inFlight += 1;
  }

  /** A request is over. */
  end(now: number): void {
    this.keep(this.inFlight, now);
    this.inFlight -= 1;
  }

  /** Environments that are there count as used just now. */
  keep(environments: number, now: number): void {
    for (let n = 1; n <= environments; n++) this.#until[n] = now + this.#idleMs;
  }

  wanted(now: number): number {
    let kept = this.#until.length - 1;
    while (kept > 0 && (this.#until[kept] ?? 0) <= now) kept -= 1;
    // What has gone is not looked at again.
    this.#until.length = Math.max(0, kept) + 1;
    return Math.max(this.inFlight, kept);
  }

  /** When `wanted` may become less, should no request come; `undefined` when it is 0 or may not. */
  nextChange(now: number): number | undefined {
    const wanted = this.wanted(now);
    return wanted > this.inFlight ? this.#until[wanted] : undefined;
  }
}
