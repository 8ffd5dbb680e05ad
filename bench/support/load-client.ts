import { connect, type Socket } from "node:net";
import { quantile } from "./report.ts";

/** What one burst of load does; the process takes it as JSON in its first argument. */
export interface LoadOrder {
  readonly target: { readonly host: string; readonly port: number } | { readonly path: string };
  /** The whole HTTP request in base64: the same bytes each time, so that signing costs the client nothing. */
  readonly request: string;
  readonly connections: number;
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

/** One kept-alive connection that sends the next request when the last one is answered. */
class Connection {
  readonly #socket: Socket;
  readonly #request: Buffer;
  readonly #done: (milliseconds: number, ok: boolean) => boolean;
  #sentAt = 0;
  #pending: Buffer = Buffer.alloc(0);

  /** @param done - Tells whether to go on. */
  constructor(order: LoadOrder, done: (milliseconds: number, ok: boolean) => boolean) {
    this.#request = Buffer.from(order.request, "base64");
    this.#done = done;
    this.#socket = connect(order.target);
    this.#socket.setNoDelay(true);
    this.#socket.on("connect", () => this.#send());
    this.#socket.on("data", (chunk) => this.#receive(chunk));
    this.#socket.on("error", (error) => {
      throw error;
    });
  }

  #send(): void {
    this.#sentAt = performance.now();
    this.#socket.write(this.#request);
  }

  #receive(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const end = this.#pending.indexOf(headEnd);
    if (end < 0) return;
    const head = this.#pending.toString("latin1", 0, end);
    const length = Number(/content-length: *(\d+)/iu.exec(head)?.[1]);
    if (this.#pending.length < end + 4 + length) return;
    this.#pending = this.#pending.subarray(end + 4 + length);
    const goesOn = this.#done(performance.now() - this.#sentAt, head.startsWith("HTTP/1.1 200 "));
    if (goesOn) this.#send();
    else this.#socket.destroy();
  }
}

function run(order: LoadOrder): void {
  const times: number[] = [];
  let failures = 0;
  const begin = performance.now() + order.warmMs;
  const end = begin + order.measureMs;
  let open = order.connections;
  const done = (milliseconds: number, ok: boolean): boolean => {
    const now = performance.now();
    if (now >= begin && now < end) times.push(milliseconds);
    if (!ok) failures += 1;
    if (now < end) return true;
    open -= 1;
    if (open === 0) finish();
    return false;
  };
  const finish = (): void => {
    const perSecond = (times.length * 1_000) / order.measureMs;
    const result: LoadResult = { p50: quantile(times, 0.5), p99: quantile(times, 0.99), perSecond, failures };
    process.stdout.write(JSON.stringify(result));
  };
  for (let n = 0; n < order.connections; n++) new Connection(order, done);
}

if (process.argv[1] === import.meta.filename) run(JSON.parse(process.argv[2] ?? "") as LoadOrder);
