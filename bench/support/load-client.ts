import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { quantile } from "./report.ts";

/** What one burst of load does; the process takes it as JSON in its first argument. */
export interface LoadOrder {
  readonly target: { readonly host: string; readonly port: number } | { readonly path: string };
  /** The whole HTTP request in base64: the same bytes each time, so that signing costs the client nothing. */
  readonly request: string;
  readonly connections: number;
  /** How many are sent in a second, evenly, whether earlier ones are answered or not; where absent, each connection sends its next when it is answered. */
  readonly perSecond?: number;
  readonly warmMs: number;
  readonly measureMs: number;
}

/** What came of it. Milliseconds. */
export interface LoadResult {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  readonly failures: number;
}

const headEnd = Buffer.from("\r\n\r\n");

/** One kept-alive connection with at most one request under way. */
class Connection {
  readonly #socket: Socket;
  readonly #request: Buffer;
  readonly #answered: (connection: Connection, milliseconds: number, ok: boolean) => void;
  #since = 0;
  #pending: Buffer = Buffer.alloc(0);

  constructor(
    order: LoadOrder,
    opened: (connection: Connection) => void,
    answered: (connection: Connection, milliseconds: number, ok: boolean) => void,
  ) {
    this.#request = Buffer.from(order.request, "base64");
    this.#answered = answered;
    this.#socket = connect(order.target);
    this.#socket.setNoDelay(true);
    this.#socket.on("connect", () => opened(this));
    this.#socket.on("data", (chunk) => this.#receive(chunk));
    this.#socket.on("error", (error) => {
      throw error;
    });
  }

  /** @param since - When the request was due. */
  send(since: number): void {
    this.#since = since;
    this.#socket.write(this.#request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const end = this.#pending.indexOf(headEnd);
    if (end < 0) return;
    const head = this.#pending.toString("latin1", 0, end);
    const length = Number(/content-length: *(\d+)/iu.exec(head)?.[1]);
    if (this.#pending.length < end + 4 + length) return;
    this.#pending = this.#pending.subarray(end + 4 + length);
    this.#answered(this, performance.now() - this.#since, head.startsWith("HTTP/1.1 200 "));
  }
}

/** Counts what is answered between the warm-up and the end. */
class Tally {
  readonly #order: LoadOrder;
  readonly #begin: number;
  readonly end: number;
  readonly #times: number[] = [];
  #failures = 0;

  constructor(order: LoadOrder) {
    this.#order = order;
    this.#begin = performance.now() + order.warmMs;
    this.end = this.#begin + order.measureMs;
  }

  /** @returns Whether the time is up. */
  add(milliseconds: number, ok: boolean): boolean {
    const now = performance.now();
    if (now >= this.#begin && now < this.end) this.#times.push(milliseconds);
    if (!ok) this.#failures += 1;
    return now >= this.end;
  }

  print(): void {
    const perSecond = (this.#times.length * 1_000) / this.#order.measureMs;
    const [p50, p99] = [quantile(this.#times, 0.5), quantile(this.#times, 0.99)];
    process.stdout.write(JSON.stringify({ p50, p99, perSecond, failures: this.#failures } satisfies LoadResult));
  }
}

/** Each connection sends its next request when it is answered. */
function runClosed(order: LoadOrder): void {
  const tally = new Tally(order);
  let open = order.connections;
  const send = (connection: Connection): void => connection.send(performance.now());
  const answered = (connection: Connection, milliseconds: number, ok: boolean): void => {
    if (!tally.add(milliseconds, ok)) return send(connection);
    connection.close();
    open -= 1;
    if (open === 0) tally.print();
  };
  for (let n = 0; n < order.connections; n++) new Connection(order, send, answered);
}

/** Sleeps to a fraction of a millisecond, which timers of an event loop cannot, and says each time that a request is due. */
const metronome = `
  const { parentPort, workerData } = require("node:worker_threads");
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const begin = performance.now();
  for (let n = 1; ; n++) {
    const wait = begin + (n * 1_000) / workerData - performance.now();
    if (wait > 0) Atomics.wait(cell, 0, 0, wait);
    parentPort.postMessage(0);
  }`;

/** Requests come evenly. One for which no connection is free waits, and its wait counts. */
function runPaced(order: LoadOrder, perSecond: number): void {
  const tally = new Tally(order);
  const connections: Connection[] = [];
  const free: Connection[] = [];
  const due: number[] = [];
  const clock = new Worker(metronome, { eval: true, workerData: perSecond });
  const freed = (connection: Connection): void => {
    const since = due.shift();
    if (since === undefined) free.push(connection);
    else connection.send(since);
  };
  let isOver = false;
  const answered = (connection: Connection, milliseconds: number, ok: boolean): void => {
    if (isOver) return;
    isOver = tally.add(milliseconds, ok);
    if (!isOver) return freed(connection);
    void clock.terminate();
    for (const each of connections) each.close();
    tally.print();
  };
  clock.on("message", () => {
    const connection = free.shift();
    if (connection === undefined) due.push(performance.now());
    else connection.send(performance.now());
  });
  for (let n = 0; n < order.connections; n++) connections.push(new Connection(order, freed, answered));
}

if (process.argv[1] === import.meta.filename) {
  const order = JSON.parse(process.argv[2] ?? "") as LoadOrder;
  if (order.perSecond === undefined) runClosed(order);
  else runPaced(order, order.perSecond);
}
