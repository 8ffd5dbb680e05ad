import { Client } from "undici";

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
  readonly #idle: Client[] = [];
  #isClosed = false;

  constructor(runId: string, address: string) {
    this.runId = runId;
    this.address = address;
  }

  /** A connection for one request, to be given back with `release`. */
  acquire(): Client {
    this.outstanding += 1;
    return this.#idle.pop() ?? openClient(this.address);
  }

  /** Takes a connection back. A broken one connects again when it is next used. */
  release(client: Client): void {
    this.outstanding -= 1;
    if (this.#isClosed || this.#idle.length >= maxIdle) close(client);
    else this.#idle.push(client);
  }

  /** Closes the connections; those of requests under way when they are given back. */
  close(): void {
    this.#isClosed = true;
    for (const client of this.#idle.splice(0)) close(client);
  }
}

function close(client: Client): void {
  // A connection that fails while it is closed is closed.
  client.close().catch(() => undefined);
}

function openClient(address: string): Client {
  const options = {
    pipelining: 1,
    keepAliveTimeout: 60_000,
    keepAliveMaxTimeout: 600_000,
    // The invocation has one clock of its own, which covers the whole answer.
    headersTimeout: 0,
    bodyTimeout: 0,
    // The contract gives a container 250 ms to accept; a full backlog on a busy host deserves a little more.
    connect: { timeout: 1_000 },
  };
  if (address.startsWith("unix:")) return new Client("http://localhost", { ...options, socketPath: address.slice(5) });
  return new Client(`http://${address.replace(/^tcp:/u, "")}`, options);
}
