import { refuse } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { bodyLimit } from "../limits.ts";
import type { Codecs, OperationSchema, Shape } from "../schemas.ts";
import { type Bindings, HttpBindings } from "./http-bindings.ts";
import { sendPayload } from "./payload.ts";
import { type ProtocolHandler, send } from "./protocol.ts";
import { xmlElement, xmlProlog, xmlText } from "./xml-text.ts";

const contentType = "application/xml";
const namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

/**
 * REST-XML as S3 speaks it. Bodies that are objects stream; bodies that are documents are read whole.
 * @see https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
 */
export function restXmlProtocol(codecs: Codecs): ProtocolHandler {
  const bindings = new HttpBindings(codecs, 5);
  const codec = new codecs.XmlCodec({
    timestampFormat: { useTrait: true, default: 5 },
    httpBindings: true,
    xmlNamespace: namespace,
    serviceNamespace: "com.amazonaws.s3",
  });
  const serializer = codec.createSerializer();
  const deserializer = codec.createDeserializer();
  const document = (shape: Shape, value: unknown): string => {
    serializer.write(shape, value);
    return xmlProlog + serializer.flush();
  };
  const readDocument = async (exchange: Exchange, shape: Shape): Promise<unknown> => {
    const bytes = await exchange.body.read(bodyLimit("s3"));
    if (bytes.length === 0) return undefined;
    const wanted = shape.getMergedTraits().xmlName ?? shape.getName();
    if (rootName(bytes) !== wanted) throw malformed(`The root element must be ${wanted}.`);
    try {
      return await deserializer.read(shape, bytes as never);
    } catch (cause) {
      throw malformed((cause as Error).message, cause);
    }
  };
  return {
    async readInput(exchange) {
      // A form upload is in no model: the S3 service reads it from the exchange.
      if (!exchange.operation) return { ...exchange.labels };
      const plan = bindings.of(exchange.operation.inputShape);
      const input = bindings.read(exchange, plan, "rest-xml");
      if (plan.payload) await readPayload(exchange, plan.payload, input, readDocument);
      else if (plan.body) Object.assign(input, await readDocument(exchange, plan.body));
      return input;
    },
    writeOutput(exchange, output) {
      const operation = exchange.operation as OperationSchema;
      const plan = bindings.of(operation.outputShape);
      const values = (output ?? {}) as Record<string, unknown>;
      const status = bindings.write(exchange, plan, values) ?? operation.http?.[2] ?? 200;
      if (plan.payload && !plan.payload.shape.isStructSchema()) {
        return sendPayload(exchange, status, values[plan.payload.name]);
      }
      send(exchange, status, contentType, bodyText(operation.name, plan, values, document));
    },
    writeError(exchange, error) {
      const members = Object.entries(error.members).map(([name, value]) => xmlElement(name, value));
      const body =
        `${xmlProlog}<Error>${xmlElement("Code", error.code)}${xmlElement("Message", error.message)}${members.join("")}` +
        `${xmlElement("RequestId", exchange.requestId)}${xmlElement("HostId", hostId)}</Error>`;
      send(exchange, error.status, contentType, error.status === 304 ? "" : body);
    },
  };
}

/** S3 repeats a second id in errors and in `x-amz-id-2`; ours says who answered. */
export const hostId = "sagebrush";

async function readPayload(
  exchange: Exchange,
  payload: NonNullable<Bindings["payload"]>,
  input: Record<string, unknown>,
  readDocument: (exchange: Exchange, shape: Shape) => Promise<unknown>,
): Promise<void> {
  const { name, shape } = payload;
  // Stream operations take the body from the exchange themselves.
  if (shape.isStreaming()) {
    const streams = exchange.service?.streamOperations?.[exchange.operationName as string];
    if (!streams) input[name] = exchange.body.stream();
    return;
  }
  if (shape.isStructSchema()) {
    const value = await readDocument(exchange, shape);
    if (value !== undefined) input[name] = value;
    return;
  }
  const bytes = await exchange.body.read(bodyLimit("s3"));
  input[name] = shape.isStringSchema() ? bytes.toString("utf8") : bytes;
}

function bodyText(
  operation: string,
  plan: Bindings,
  values: Record<string, unknown>,
  document: (shape: Shape, value: unknown) => string,
): string {
  // The one S3 answer whose root holds text instead of members (the model's s3UnwrappedXmlOutput trait).
  if (operation === "GetBucketLocation") {
    const text = xmlText((values["LocationConstraint"] as string | undefined) ?? "");
    return `${xmlProlog}<LocationConstraint xmlns="${namespace}">${text}</LocationConstraint>`;
  }
  if (plan.payload) {
    const value = values[plan.payload.name];
    return value === undefined ? "" : document(plan.payload.shape, value);
  }
  return plan.body ? document(plan.body, values) : "";
}

/** Name of a document's root element; the codec itself accepts any. */
function rootName(bytes: Buffer): string | undefined {
  const start = bytes.toString("latin1", 0, 4096).replaceAll(/<\?[^]*?\?>|<!--[^]*?-->/g, "");
  return /<(?:[\w.-]+:)?([\w.-]+)/.exec(start)?.[1];
}

function malformed(detail: string, cause?: unknown): Error {
  const message = "The XML you provided was not well-formed or did not validate against our published schema";
  const error = refuse("rest-xml", "unparsable", message, { Detail: detail });
  error.cause = cause;
  return error;
}
