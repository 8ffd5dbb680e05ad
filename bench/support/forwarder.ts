import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Dispatcher, Pool } from "undici";

/**
 * The reference of `bench/invoke.ts`: the least that forwards HTTP in Node. `node:http` in front, an undici pool
 * behind, bodies in one piece, undici's callbacks with raw headers; no authentication, no routing, no checks, no
 * timeouts of its own. Its first argument is the model server's socket; it prints its port.
 */
const pool = new Pool("http://localhost", {
  socketPath: process.argv[2] ?? "",
  pipelining: 1,
  headersTimeout: 0,
  bodyTimeout: 0,
});

class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #chunks: Buffer[] = [];

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onConnect(): void {}

  onHeaders(status: number, headers: Buffer[]): boolean {
    this.#response.statusCode = status;
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]?.toString("latin1").toLowerCase();
      if (name === "content-type") this.#response.setHeader(name, headers[i + 1]?.toString("latin1") ?? "");
    }
    return true;
  }

  onData(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    return true;
  }

  onComplete(): void {
    const body = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#response.setHeader("content-length", body?.length ?? 0);
    this.#response.end(body);
  }

  onError(error: Error): void {
    this.#response.writeHead(502).end(String(error));
  }
}

const server = createServer({ noDelay: true, keepAlive: true }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    const headers = { "content-type": request.headers["content-type"] ?? "", accept: request.headers.accept ?? "" };
    pool.dispatch({ path: "/invocations", method: "POST", headers, body }, new Relay(response));
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
