import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestHandler } from "./request-handler.ts";

/**
 * What requests meet first. A server that was started in advance answers everything with 503 until whoever started it says by
 * POST /model that the model's files are there; it then loads them, once, and answers as any other.
 */
export class ModelWait {
  handler: RequestHandler | undefined;
  /** Resolves when the model's files are there. */
  readonly told: Promise<void>;
  #tell: () => void = () => undefined;

  constructor() {
    this.told = new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    if (this.handler !== undefined) return this.handler.handle(request, response);
    request.resume();
    const isTold = request.method === "POST" && request.url === "/model";
    if (isTold) this.#tell();
    response.writeHead(isTold ? 202 : 503, { "content-length": 0 }).end();
  }
}
