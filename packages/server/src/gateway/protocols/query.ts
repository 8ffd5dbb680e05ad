import type { Service } from "../../services/service.ts";
import type { Codecs, OperationSchema, Shape } from "../schemas.ts";
import { type ProtocolHandler, send, wireCode } from "./protocol.ts";
import { QueryReader } from "./query-input.ts";
import { xmlElement, xmlProlog } from "./xml-text.ts";

/** Namespaces of the answers, which clients of some languages check. */
const namespaces: Readonly<Record<string, string>> = {
  sts: "https://sts.amazonaws.com/doc/2011-06-15/",
  cloudwatch: "http://monitoring.amazonaws.com/doc/2010-08-01/",
  sns: "http://sns.amazonaws.com/doc/2010-03-31/",
  iam: "https://iam.amazonaws.com/doc/2010-05-08/",
};

/**
 * The query protocol: a form in, XML out.
 * @see https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 */
export function queryProtocol(codecs: Codecs): ProtocolHandler {
  const reader = new QueryReader(codecs);
  const write = queryWriter(codecs);
  return {
    readInput(exchange) {
      const { inputShape } = exchange.operation as OperationSchema;
      return inputShape.isUnitSchema() ? {} : reader.read(inputShape, exchange.form ?? []);
    },
    writeOutput(exchange, output) {
      const { name } = exchange.service as Service;
      const body = write(exchange.operation as OperationSchema, name, output, exchange.requestId);
      send(exchange, 200, "text/xml", body);
    },
    writeError(exchange, error) {
      const namespace = namespaces[exchange.service?.name ?? ""] ?? "";
      const code = wireCode(exchange.schema?.errors.get(error.code), error.code);
      const type = error.status < 500 ? "Sender" : "Receiver";
      const members = Object.entries(error.members).map(([name, value]) => xmlElement(name, value));
      const body =
        `${xmlProlog}<ErrorResponse xmlns="${namespace}"><Error>${xmlElement("Type", type)}${xmlElement("Code", code)}` +
        `${xmlElement("Message", error.message)}${members.join("")}</Error>${xmlElement("RequestId", exchange.requestId)}</ErrorResponse>`;
      send(exchange, error.status, "text/xml", body);
    },
  };
}

/** Writes answers: one function for all of a protocol's services. */
export function queryWriter({
  NormalizedSchema,
  XmlCodec,
}: Codecs): (operation: OperationSchema, service: string, output: unknown, requestId: string) => string {
  const serializer = new XmlCodec({
    timestampFormat: { useTrait: true, default: 5 },
    httpBindings: false,
    xmlNamespace: "",
    serviceNamespace: "",
  }).createSerializer();
  const envelopes = new WeakMap<OperationSchema, Shape>();
  return (operation, service, output, requestId) => {
    let shape = envelopes.get(operation);
    if (!shape) {
      shape = NormalizedSchema.of(envelope(operation, namespaces[service] ?? "") as never);
      envelopes.set(operation, shape);
    }
    const value = { [`${operation.name}Result`]: output, ResponseMetadata: { RequestId: requestId } };
    serializer.write(shape, value);
    return xmlProlog + serializer.flush();
  };
}

/** `<AssumeRoleResponse xmlns><AssumeRoleResult>…</AssumeRoleResult><ResponseMetadata>…`, as a schema of its own. */
function envelope({ name, outputShape, output }: OperationSchema, namespace: string): unknown {
  const metadata = [3, "sagebrush", "ResponseMetadata", 0, ["RequestId"], [0]];
  const names = outputShape.isUnitSchema() ? ["ResponseMetadata"] : [`${name}Result`, "ResponseMetadata"];
  const shapes = outputShape.isUnitSchema() ? [() => metadata] : [() => output, () => metadata];
  return [3, "sagebrush", `${name}Response`, { xmlNamespace: ["", namespace] }, names, shapes];
}
