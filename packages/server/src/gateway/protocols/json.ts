import type { Service } from "../../services/service.ts";
import type { Exchange } from "../exchange.ts";
import { bodyLimit } from "../limits.ts";
import type { Codecs, OperationSchema } from "../schemas.ts";
import { jsonBody, messageMember } from "./json-body.ts";
import { type ProtocolHandler, queryErrorHeader, send } from "./protocol.ts";

/**
 * AWS JSON 1.0 and 1.1: everything is in the body of `POST /`; timestamps are epoch seconds.
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 */
export function jsonProtocol(codecs: Codecs, version: "1.0" | "1.1"): ProtocolHandler {
  const body = jsonBody(codecs, false);
  const contentType = `application/x-amz-json-${version}`;
  return {
    async readInput(exchange: Exchange) {
      const { name } = exchange.service as Service;
      const bytes = await exchange.body.read(bodyLimit(name));
      const { inputShape } = exchange.operation as OperationSchema;
      return inputShape.isUnitSchema()
        ? {}
        : body.read(inputShape, bytes, version === "1.0" ? "aws-json-1.0" : "aws-json-1.1");
    },
    writeOutput(exchange, output) {
      const { outputShape } = exchange.operation as OperationSchema;
      if (outputShape.isUnitSchema()) send(exchange, 200, contentType, "");
      else send(exchange, 200, contentType, body.write(outputShape, output));
    },
    writeError(exchange, error) {
      const shape = exchange.schema?.errors.get(error.code);
      const text = JSON.stringify({ __type: error.code, ...error.members, [messageMember(shape)]: error.message });
      queryErrorHeader(exchange, error);
      send(exchange, error.status, contentType, text);
    },
  };
}
