import { ServerResponse } from "node:http";

const idHeader = "x-amzn-requestid";

/** A response that names its request in its head, whoever writes that. */
export class GatewayResponse extends ServerResponse {
  requestId = "";

  /**
   * As Node's. A flat array of names and values, and nothing set before, is the cheapest way to write a head: Node
   * then keeps no table of headers.
   */
  override writeHead(status: number, ...rest: never[]): this {
    const fields: unknown = rest[0];
    if (Array.isArray(fields) && this.getHeaderNames().length === 0) {
      return super.writeHead(status, [idHeader, this.requestId, ...fields]);
    }
    this.setHeader(idHeader, this.requestId);
    return super.writeHead(status, ...rest);
  }
}
