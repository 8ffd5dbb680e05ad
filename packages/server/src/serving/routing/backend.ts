import { Pool } from "undici";

/** Most requests that wait for or run in one instance; more are refused, never queued without end. */
export const maxOutstandingPerInstance = 1_000;

/**
 * One running model server and the connections to it. Lives as long as its instance is in the table; `outstanding` is
 * what balancing and draining go by.
 */
export class Backend {
  readonly runId: string;
  readonly address: string;
  /** Requests handed to it and not answered yet. */
  outstanding = 0;
  /** Its socket refused, or its ping fails: used only while no other is left. Cleared by the next good ping. */
  suspect = false;
  readonly #pool: Pool;

  constructor(runId: string, address: string) {
    this.runId = runId;
    this.address = address;
    this.#pool = openPool(address);
  }

  get pool(): Pool {
    return this.#pool;
  }

  /** Lets requests under way end, then closes the connections. */
  close(): void {
    // A connection that fails while it is closed is closed.
    this.#pool.close().catch(() => undefined);
  }
}

function openPool(address: string): Pool {
  const options = {
    // Unbounded by count: `maxOutstandingPerInstance` bounds it, and a queue inside undici would hide the load.
    pipelining: 1,
    keepAliveTimeout: 60_000,
    keepAliveMaxTimeout: 600_000,
    // The invocation has one clock of its own, which covers the whole answer.
    headersTimeout: 0,
    bodyTimeout: 0,
    // The contract gives a container 250 ms to accept; a full backlog on a busy host deserves a little more.
    connect: { timeout: 1_000 },
  };
  if (address.startsWith("unix:")) return new Pool("http://localhost", { ...options, socketPath: address.slice(5) });
  return new Pool(`http://${address.replace(/^tcp:/u, "")}`, options);
}
