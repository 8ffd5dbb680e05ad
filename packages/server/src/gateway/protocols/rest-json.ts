import type { Service } from "../../services/service.ts";
import type { Exchange } from "../exchange.ts";
import { bodyLimit } from "../limits.ts";
import type { Codecs, OperationSchema, Shape } from "../schemas.ts";
import { type Bindings, HttpBindings } from "./http-bindings.ts";
import { jsonBody, messageMember } from "./json-body.ts";
import { sendPayload } from "./payload.ts";
import { type ProtocolHandler, send } from "./protocol.ts";

const contentType = "application/json";

/**
 * REST-JSON: members in path, query and headers, the rest as JSON, or one member as the whole body.
 * @see https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
 */
export function restJsonProtocol(codecs: Codecs): ProtocolHandler {
  const bindings = new HttpBindings(codecs, 7);
  const json = jsonBody(codecs, true);
  const readBody = async (
    exchange: Exchange,
    { name, protocol }: Service,
    plan: Bindings,
    input: Record<string, unknown>,
  ): Promise<unknown> => {
    const bytes = await exchange.body.read(bodyLimit(name));
    if (!plan.payload) return Object.assign(input, json.read(plan.body as Shape, bytes, protocol));
    const { shape } = plan.payload;
    const structured = shape.isStructSchema();
    input[plan.payload.name] = structured
      ? json.read(shape, bytes, protocol)
      : shape.isStringSchema()
        ? bytes.toString("utf8")
        : bytes;
    return input;
  };
  return {
    readInput(exchange) {
      const service = exchange.service as Service;
      const plan = bindings.of((exchange.operation as OperationSchema).inputShape);
      const input = bindings.read(exchange, plan, service.protocol);
      // A stream operation takes its body from the exchange.
      if (service.streamOperations?.[exchange.operationName as string]) return input;
      return plan.payload || plan.body ? readBody(exchange, service, plan, input) : input;
    },
    writeOutput(exchange, output) {
      const { outputShape, http } = exchange.operation as OperationSchema;
      const plan = bindings.of(outputShape);
      const values = (output ?? {}) as Record<string, unknown>;
      const status = bindings.write(exchange, plan, values) ?? http?.[2] ?? 200;
      if (plan.payload && !plan.payload.shape.isStructSchema()) {
        return sendPayload(exchange, status, values[plan.payload.name]);
      }
      const shape = plan.payload?.shape ?? plan.body;
      const value = plan.payload ? values[plan.payload.name] : values;
      send(exchange, status, contentType, shape ? json.write(shape, value) : "");
    },
    writeError(exchange, error) {
      const shape = exchange.schema?.errors.get(error.code);
      exchange.response.setHeader("x-amzn-errortype", error.code);
      const text = JSON.stringify({ ...error.members, [messageMember(shape)]: error.message });
      send(exchange, error.status, contentType, text);
    },
  };
}
