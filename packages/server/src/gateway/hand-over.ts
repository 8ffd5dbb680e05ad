import { Agent, type ClientRequest, type IncomingMessage, ServerResponse, request as send } from "node:http";

/** How a listener hands requests as they are to another one on this host. */
export class HandOver {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 64 });

  /** @param socketPath - The other listener's Unix socket. */
  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /**
   * Passes a request on, head and body byte for byte, and its answer back. Bodies flow both ways with back pressure; a
   * caller that hangs up ends the other side too.
   */
  take(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const onward = send({
      ...{ socketPath: this.#socketPath, agent: this.#agent, setHost: false },
      ...{ method: request.method, path: request.url, headers: request.rawHeaders },
    });
    let isAnswered = false;
    onward.on("response", (answer) => {
      isAnswered = true;
      writeHead(response, answer);
      answer.pipe(response);
      answer.once("error", () => response.destroy());
      // An answer that came before the whole request did: what is still sent has to go somewhere.
      answer.once("end", () => request.resume());
    });
    onward.on("continue", () => response.writeContinue());
    onward.on("error", (error) => {
      request.unpipe(onward);
      request.resume();
      if (isAnswered || response.headersSent) response.destroy();
      else refuse(response, error);
    });
    response.once("close", () => {
      if (!response.writableFinished) onward.destroy();
    });
    request.once("error", () => onward.destroy());
    if (expectsContinue) onward.flushHeaders();
    request.pipe(onward as ClientRequest);
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Node's own method, which takes a message and a flat list of fields; `GatewayResponse` would add a field to it. */
function writeHead(
  response: ServerResponse,
  { statusCode = 502, statusMessage = "", rawHeaders }: IncomingMessage,
): void {
  const asNodeHas: (status: number, message: string, fields: string[]) => ServerResponse =
    ServerResponse.prototype.writeHead;
  asNodeHas.call(response, statusCode, statusMessage, rawHeaders);
}

/** The other listener is not there: it starts or ends. SDKs repeat a 503. */
function refuse(response: ServerResponse, { message }: Error): void {
  const body = JSON.stringify({ message: `The server cannot be reached from its gateway worker: ${message}.` });
  response
    .writeHead(503, {
      "content-type": "application/json",
      "x-amzn-errortype": "ServiceUnavailable",
      connection: "close",
      "content-length": Buffer.byteLength(body),
    })
    .end(body);
}
