import { ModelConnection } from "../http-client/model-connection.ts";

/** Most requests that run in one instance at once; more are refused, never queued without end. */
export const maxOutstandingPerInstance = 1_000;
/** Connections kept beyond a burst. */
const maxIdle = 64;

/**
 * One running model server and the connections to it. Lives as long as its instance is in the table; `outstanding` is
 * what balancing and draining go by. Each request has a connection for itself, the one used last being taken first: a
 * pool that looks for a free one among many costs more.
 */
export class Backend {
  readonly runId: string;
  readonly address: string;
  /** Requests handed to it and not answered yet. */
  outstanding = 0;
  /** Its socket refused, or its ping fails: used only while no other is left. Cleared by the next good ping. */
  suspect = false;
  readonly #idle: ModelConnection[] = [];
  #isClosed = false;

  constructor(runId: string, address: string) {
    this.runId = runId;
    this.address = address;
  }

  /** Counts a request that has a connection of its own, until `end`. */
  begin(): void {
    this.outstanding += 1;
  }

  end(): void {
    this.outstanding -= 1;
  }

  /** A connection for one request, to be given back with `release`. */
  acquire(): ModelConnection {
    this.outstanding += 1;
    let kept = this.#idle.pop();
    while (kept !== undefined && !kept.isUsable) {
      kept.close();
      kept = this.#idle.pop();
    }
    return kept ?? new ModelConnection(this.address, this.#forget);
  }

  /** Takes a connection back, whatever became of it. */
  release(connection: ModelConnection): void {
    this.outstanding -= 1;
    if (connection.isUsable && !this.#isClosed && this.#idle.length < maxIdle) this.#idle.push(connection);
    else connection.close();
  }

  /** Closes the connections; those of requests under way when they are given back. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  readonly #forget = (connection: ModelConnection): void => {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  };
}
