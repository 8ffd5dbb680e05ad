import type { Waiting } from "./async-request.ts";

/**
 * Requests in the order in which they came, those that go back to it first. A map each, so that any of ten thousand
 * leaves without a look at the others.
 */
export class WaitingLine {
  readonly #again = new Map<string, Waiting>();
  readonly #line = new Map<string, Waiting>();

  get size(): number {
    return this.#again.size + this.#line.size;
  }

  add(request: Waiting): void {
    if (!this.#again.has(request.name)) this.#line.set(request.name, request);
  }

  /** Puts one back that has been taken. */
  putBack(request: Waiting): void {
    this.#again.set(request.name, request);
  }

  /** Takes the next one. */
  take(): Waiting | undefined {
    for (const line of [this.#again, this.#line]) {
      for (const request of line.values()) {
        line.delete(request.name);
        return request;
      }
    }
    return undefined;
  }

  /** Takes those that have expired. */
  takeExpired(now: number): Waiting[] {
    const expired: Waiting[] = [];
    for (const line of [this.#again, this.#line]) {
      for (const request of line.values()) {
        if (request.expiresAt > now) continue;
        line.delete(request.name);
        expired.push(request);
      }
    }
    return expired;
  }

  /** When the one that waits longest came, milliseconds since 1970. */
  get oldest(): number | undefined {
    let oldest: number | undefined;
    for (const line of [this.#again, this.#line]) {
      // Lines are in the order of arrival, but for those that went back.
      for (const { receivedAt } of line.values()) {
        oldest = Math.min(oldest ?? receivedAt, receivedAt);
        if (line === this.#line) break;
      }
    }
    return oldest;
  }
}
