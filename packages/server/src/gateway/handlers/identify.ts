import type { Protocol, Service } from "../../services/service.ts";
import { refuse } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { inflate } from "../inflate.ts";
import { bodyLimit } from "../limits.ts";
import { hostId } from "../protocols/rest-xml.ts";
import { findRoute } from "../rest-routes.ts";
import { loadService, type ServiceSchema, serviceIfLoaded } from "../schemas.ts";
import { scopeService } from "../sigv4/claim.ts";
import { parseQuery, type Query, uriDecode } from "../sigv4/encode.ts";

/**
 * Finds service and operation. In this order: `X-Amz-Target`; the credential scope's service; `Action=`; and what
 * carries none of these is S3's, since only S3 has addresses that anyone may type.
 */
export function identify(exchange: Exchange): void | Promise<void> {
  const target = exchange.request.headers["x-amz-target"];
  if (typeof target === "string") return identifyTarget(exchange, target);
  if (exchange.request.headers["smithy-protocol"] !== undefined) return identifyRpc(exchange);
  const name = scopeName(exchange);
  if (name === undefined) return identifyUnsigned(exchange);
  return identifyAmong(exchange, exchange.gateway.services.bySigningName(name), name);
}

/** Of services that share a signing name, the one whose protocol the request has. */
function identifyAmong(exchange: Exchange, services: readonly Service[], name: string): void | Promise<void> {
  if (services.length === 0) throw unknownService(exchange, name);
  const query = services.find((service) => speaks(service, "query"));
  if (query) {
    exchange.otherProtocol = "query";
    return withSchema(exchange, query, identifyAction);
  }
  const rest = services.filter((service) => service.protocol.startsWith("rest-"));
  if (rest.length > 0) return identifyRest(exchange, rest);
  const { protocol } = services[0] as Service;
  throw refuse(protocol, "unknownOperation", "The request names no operation: its X-Amz-Target header is missing.");
}

function identifyTarget(exchange: Exchange, target: string): void | Promise<void> {
  const dot = target.lastIndexOf(".");
  const service = exchange.gateway.services.byTarget(target.slice(0, dot));
  if (!service) throw unknownService(exchange, target.slice(0, dot));
  exchange.operationName = target.slice(dot + 1);
  exchange.otherProtocol = [service.protocol, ...(service.alsoSpeaks ?? [])].find((each) =>
    each.startsWith("aws-json"),
  );
  return withSchema(exchange, service, () => {
    checkContentType(exchange);
    findOperation(exchange, service);
  });
}

function findOperation(exchange: Exchange, service: Service): void {
  exchange.operation = exchange.schema?.operations.get(exchange.operationName as string);
  if (!exchange.operation) throw unknownOperation(exchange, service, exchange.operationName as string);
}

function speaks(service: Service, protocol: Protocol): boolean {
  return service.protocol === protocol || service.alsoSpeaks?.includes(protocol) === true;
}

const rpcPath = /^\/service\/([A-Za-z0-9_.]+)\/operation\/([A-Za-z0-9_]+)$/;

/** RPC v2 names service and operation in the path. */
function identifyRpc(exchange: Exchange): void | Promise<void> {
  const [, name = "", operation = ""] = rpcPath.exec(exchange.path) ?? [];
  const service = exchange.gateway.services.byTarget(name);
  if (exchange.request.headers["smithy-protocol"] !== "rpc-v2-cbor" || !service || !speaks(service, "rpc-v2-cbor")) {
    const message = `No service here speaks Smithy RPC v2 at ${exchange.path}. Use AWS JSON, REST or Query.`;
    throw refuse("rpc-v2-cbor", "unknownOperation", message);
  }
  exchange.otherProtocol = "rpc-v2-cbor";
  exchange.operationName = operation;
  return withSchema(exchange, service, () => {
    const type = exchange.request.headers["content-type"];
    if (type !== undefined && !/^application\/cbor\s*(?:;|$)/i.test(type)) {
      throw refuse("rpc-v2-cbor", "unsupportedMediaType", `The Content-Type must be application/cbor, not "${type}".`);
    }
    findOperation(exchange, service);
  });
}

const formType = "application/x-www-form-urlencoded";
const jsonTypes = /^application\/(?:x-amz-json-1\.[01]|json)\s*(?:;|$)/i;

function checkContentType(exchange: Exchange): void {
  const type = exchange.request.headers["content-type"];
  if (type !== undefined && jsonTypes.test(type)) return;
  const wanted = exchange.protocol === "aws-json-1.0" ? "application/x-amz-json-1.0" : "application/x-amz-json-1.1";
  throw refuse(exchange.protocol, "unsupportedMediaType", `The Content-Type must be ${wanted}, not "${type ?? ""}".`);
}

/** The query protocol names its operation in the body, or in the query of a GET. */
async function identifyAction(exchange: Exchange): Promise<void> {
  const service = exchange.service as Service;
  exchange.form = await readForm(exchange, service);
  const action = exchange.form.find(([name]) => name === "Action")?.[1];
  if (action === undefined) throw refuse("query", "unknownOperation", "The request must contain the parameter Action.");
  exchange.operationName = action;
  exchange.operation = exchange.schema?.operations.get(action);
  if (!exchange.operation) throw unknownOperation(exchange, service, action);
}

async function readForm(exchange: Exchange, service: Service): Promise<ReturnType<typeof parseQuery>> {
  if (exchange.request.method === "GET") return exchange.query;
  const type = exchange.request.headers["content-type"] ?? "";
  if (!type.toLowerCase().startsWith(formType)) {
    const message = `The Content-Type must be ${formType}, not "${type}".`;
    throw refuse("query", "unsupportedMediaType", message);
  }
  const limit = bodyLimit(service.name);
  const body = await exchange.body.raw("query", limit);
  const encoding = exchange.request.headers["content-encoding"];
  const form = encoding === undefined ? body : await inflate("query", encoding, body, limit);
  return parseQuery(form.toString("utf8"));
}

/** SageMaker's data planes share a signing name: the path tells which one it is. */
function identifyRest(exchange: Exchange, [service, ...others]: readonly Service[]): void | Promise<void> {
  return withSchema(exchange, service as Service, () => identifyRoute(exchange, others));
}

function identifyRoute(exchange: Exchange, others: readonly Service[]): void | Promise<void> {
  const service = exchange.service as Service;
  const { request, hostBucket } = exchange;
  const method = request.method as string;
  if (service.protocol === "rest-xml" && isFormUpload(exchange)) {
    exchange.operationName = "PostObject";
    exchange.labels = { Bucket: hostBucket ?? uriDecode(exchange.path.split("/")[1] ?? "") };
    return undefined;
  }
  const path =
    hostBucket !== undefined && service.protocol === "rest-xml" ? `/${hostBucket}${exchange.path}` : exchange.path;
  const match = findRoute(exchange.schema as ServiceSchema, {
    method,
    path,
    query: exchange.query,
    headers: request.headers,
  });
  if (!match && others.length > 0) return identifyRest(exchange, others);
  if (!match) {
    const message = `No operation of ${service.name} answers ${method} ${exchange.path}.`;
    throw refuse(service.protocol, "unknownOperation", message);
  }
  exchange.operation = match.operation;
  exchange.operationName = match.operation.name;
  exchange.labels = match.labels;
  return undefined;
}

/** S3's POST object, which browsers send from a form; it is in no model. */
function isFormUpload(exchange: Exchange): boolean {
  const type = exchange.request.headers["content-type"] ?? "";
  return exchange.request.method === "POST" && /^multipart\/form-data\s*;/i.test(type);
}

/** A request without a credential scope: forms name their service by `Version`; everything else is S3's. */
function identifyUnsigned(exchange: Exchange): void | Promise<void> {
  const { services } = exchange.gateway;
  const { method, headers } = exchange.request;
  if (method === "POST" && exchange.path === "/" && headers["content-type"]?.startsWith(formType)) {
    return Promise.resolve(exchange.body.raw("query", bodyLimit("default"))).then((body) =>
      identifyVersion(exchange, parseQuery(body.toString("utf8"))),
    );
  }
  if (exchange.rawQuery.includes("Action=") && exchange.parameter("Version") !== undefined) {
    return identifyVersion(exchange, exchange.query);
  }
  const runtime = method === "POST" && exchange.path.startsWith("/endpoints/");
  return identifyAmong(exchange, services.byProtocol(runtime ? "rest-json" : "rest-xml"), "s3");
}

function identifyVersion(exchange: Exchange, form: Query): void | Promise<void> {
  const version = form.find(([name]) => name === "Version")?.[1] ?? "";
  const service = exchange.gateway.services.byVersion(version);
  if (!service) throw refuse("query", "unknownOperation", `No service here has the Version "${version}".`);
  exchange.otherProtocol = "query";
  return withSchema(exchange, service, identifyAction);
}

function scopeName(exchange: Exchange): string | undefined {
  const { claim } = exchange;
  if (claim !== undefined && !("malformed" in claim)) return claim.credential.service;
  const { authorization } = exchange.request.headers;
  if (authorization?.startsWith("AWS4-")) {
    const from = authorization.indexOf("Credential=");
    const to = authorization.indexOf(",", from);
    return from < 0 ? undefined : scopeService(authorization.slice(from + 11, to < 0 ? undefined : to).trim());
  }
  if (!exchange.rawQuery.includes("X-Amz-Credential=")) return undefined;
  const credential = exchange.parameter("X-Amz-Credential");
  return credential === undefined ? undefined : scopeService(credential);
}

function withSchema(
  exchange: Exchange,
  service: Service,
  next: (exchange: Exchange) => void | Promise<void>,
): void | Promise<void> {
  exchange.service = service;
  // S3 has names of its own for the ids; for the others two headers fewer are two fewer on the hot path.
  if (service.protocol === "rest-xml") {
    exchange.response.setHeader("x-amz-request-id", exchange.requestId);
    exchange.response.setHeader("x-amz-id-2", hostId);
  }
  const loaded = serviceIfLoaded(service.name);
  if (loaded) {
    exchange.schema = loaded;
    return next(exchange);
  }
  return loadService(service.name).then((schema) => {
    exchange.schema = schema;
    return next(exchange);
  });
}

function unknownService(exchange: Exchange, name: string): Error {
  const served = exchange.gateway.services.all.map((service) => service.name).join(", ");
  const message = `Sagebrush does not serve "${name}". It serves: ${served}.`;
  const form = exchange.request.headers["content-type"]?.startsWith(formType) ?? false;
  return refuse(form ? "query" : undefined, "unknownOperation", message);
}

function unknownOperation(exchange: Exchange, service: Service, operation: string): Error {
  return refuse(exchange.protocol, "unknownOperation", `"${operation}" is not an operation of ${service.name}.`);
}
