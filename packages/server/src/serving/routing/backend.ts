import { ModelConnection } from "../http-client/model-connection.ts";
import { InstanceLoad } from "./instance-load.ts";

/** Most requests that run in one instance at once, where nobody set a number; more are refused, never queued. */
export const defaultRequestsPerInstance = 1_000;
/** Connections kept beyond a burst. */
const maxIdle = 64;

/** What is told of an instance besides its name and its address. */
export interface BackendOptions {
  /** How busy it is, where others count too. */
  readonly load?: InstanceLoad;
  /** Most requests in it at once. */
  readonly mostOutstanding?: number;
}

/**
 * One running model server and the connections to it. Lives as long as its instance is in the table; `outstanding` is
 * what balancing and draining go by. Each request has a connection for itself, the one used last being taken first: a
 * pool that looks for a free one among many costs more.
 */
export class Backend {
  readonly runId: string;
  readonly address: string;
  readonly #load: InstanceLoad;
  readonly #mostOutstanding: number;
  readonly #idle: ModelConnection[] = [];
  #isClosed = false;

  constructor(runId: string, address: string, options: BackendOptions = {}) {
    this.runId = runId;
    this.address = address;
    this.#load = options.load ?? new InstanceLoad(new Int32Array(2), 0);
    this.#mostOutstanding = options.mostOutstanding ?? defaultRequestsPerInstance;
  }

  /** Requests handed to it and not answered yet, of all gateway workers. */
  get outstanding(): number {
    return this.#load.outstanding;
  }

  /** It has as many requests as it may have. */
  get isFull(): boolean {
    return this.#load.outstanding >= this.#mostOutstanding;
  }

  /** Its socket refused, or its ping fails: used only while no other is left. Cleared by the next good ping. */
  get suspect(): boolean {
    return this.#load.suspect;
  }

  set suspect(is: boolean) {
    this.#load.suspect = is;
  }

  /** Counts a request that has a connection of its own, until `end`. */
  begin(): void {
    this.#load.begin();
  }

  end(): void {
    this.#load.end();
  }

  /** A connection for one request, to be given back with `release`. */
  acquire(): ModelConnection {
    this.#load.begin();
    let kept = this.#idle.pop();
    while (kept !== undefined && !kept.isUsable) {
      kept.close();
      kept = this.#idle.pop();
    }
    return kept ?? new ModelConnection(this.address, this.#forget);
  }

  /** Takes a connection back, whatever became of it. */
  release(connection: ModelConnection): void {
    this.#load.end();
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
