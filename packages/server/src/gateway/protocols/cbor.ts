import type { ServiceError } from "../../errors.ts";
import type { Service } from "../../services/service.ts";
import { refuse } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { bodyLimit } from "../limits.ts";
import type { Codecs, OperationSchema, Shape } from "../schemas.ts";
import { messageMember } from "./json-body.ts";
import { wrongType } from "./json-types.ts";
import { type ProtocolHandler, queryErrorHeader, send } from "./protocol.ts";

const contentType = "application/cbor";
/** A document of any shape, for errors: the SDK's number for it. */
const document = 15;

/**
 * Smithy RPC v2 with CBOR bodies, which botocore speaks to CloudWatch.
 * @see https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
 */
export function cborProtocol({ CborCodec }: Codecs): ProtocolHandler {
  const codec = new CborCodec();
  const serializer = codec.createSerializer();
  const deserializer = codec.createDeserializer() as ReturnType<typeof codec.createDeserializer> & {
    readValue(schema: Shape, value: unknown): unknown;
  };
  const answer = (exchange: Exchange, status: number, body: Uint8Array | string): void => {
    exchange.response.setHeader("smithy-protocol", "rpc-v2-cbor");
    send(exchange, status, contentType, body);
  };
  return {
    async readInput(exchange) {
      const bytes = await exchange.body.read(bodyLimit((exchange.service as Service).name));
      const { inputShape } = exchange.operation as OperationSchema;
      if (inputShape.isUnitSchema() || bytes.length === 0) return {};
      const value = read(() => deserializer.read(document as never, bytes));
      const wrong = wrongType(inputShape, value, "cbor");
      if (wrong !== undefined) throw refuse("rpc-v2-cbor", "unparsable", wrong);
      return read(() => deserializer.readValue(inputShape, value));
    },
    writeOutput(exchange, output) {
      const { outputShape } = exchange.operation as OperationSchema;
      if (outputShape.isUnitSchema()) return answer(exchange, 200, "");
      serializer.write(outputShape, output ?? {});
      return answer(exchange, 200, serializer.flush());
    },
    writeError(exchange, error) {
      serializer.write(document as never, errorDocument(exchange, error));
      queryErrorHeader(exchange, error);
      answer(exchange, error.status, serializer.flush());
    },
  };
}

function errorDocument({ schema }: Exchange, error: ServiceError): Record<string, unknown> {
  const shape = schema?.errors.get(error.code);
  const type = shape && schema ? `${schema.namespace}#${error.code}` : error.code;
  // botocore reads `message`, whatever the model calls it.
  return { __type: type, ...error.members, [messageMember(shape)]: error.message, message: error.message };
}

function read(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (cause) {
    const error = refuse("rpc-v2-cbor", "unparsable", `The body is not valid CBOR: ${(cause as Error).message}`);
    error.cause = cause;
    throw error;
  }
}
