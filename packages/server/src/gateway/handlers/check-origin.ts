import { ServiceError } from "../../errors.ts";
import type { CorsRule } from "../../services/service.ts";
import type { Exchange } from "../exchange.ts";
import { uriDecode } from "../sigv4/encode.ts";

/**
 * Refuses requests that a browser sends for a web page of another origin, unless the configuration or the addressed
 * bucket's CORS rules admit it. Answers preflights. Requests without `Origin` are no browser's and pass.
 */
export function checkOrigin(exchange: Exchange): void | Promise<void> {
  const { headers, method } = exchange.request;
  const { origin } = headers;
  if (origin === undefined) {
    if (method === "OPTIONS") throw forbidden("A preflight request must have an Origin.");
    return undefined;
  }
  const { allowedOrigins } = exchange.gateway.platform.configuration;
  if (isOwn(origin, headers.host) || allowedOrigins.includes(origin)) {
    admit(exchange, origin, everything);
    return undefined;
  }
  return askBucket(exchange, origin);
}

/** What an admitted page may do where no bucket's rule says it more narrowly. */
const everything: CorsRule = {
  allowedOrigins: [],
  allowedMethods: ["GET", "HEAD", "PUT", "POST", "DELETE"],
  allowedHeaders: ["*"],
  exposeHeaders: ["*"],
  maxAgeSeconds: 600,
};

async function askBucket(exchange: Exchange, origin: string): Promise<void> {
  const { request, gateway } = exchange;
  const s3 = gateway.services.byProtocol("rest-xml")[0];
  const bucket = exchange.hostBucket ?? uriDecode(exchange.path.split("/")[1] ?? "");
  const rules = bucket === "" ? undefined : await s3?.corsRules?.(bucket, gateway.platform);
  const method = request.headers["access-control-request-method"] ?? (request.method as string);
  const wanted = listOf(request.headers["access-control-request-headers"]);
  const rule = rules?.find((each) => admits(each, origin, method, wanted));
  if (!rule) throw forbidden("This CORS request is not allowed: the Origin is foreign and no rule admits it.");
  exchange.originOfBucket = bucket;
  admit(exchange, origin, rule);
}

function admits(rule: CorsRule, origin: string, method: string, headers: readonly string[]): boolean {
  return (
    rule.allowedMethods.includes(method) &&
    rule.allowedOrigins.some((pattern) => fitsPattern(pattern, origin)) &&
    headers.every((header) => rule.allowedHeaders.some((pattern) => fitsPattern(pattern.toLowerCase(), header)))
  );
}

/** `*` stands for any text, once. */
function fitsPattern(pattern: string, text: string): boolean {
  const star = pattern.indexOf("*");
  if (star < 0) return pattern === text;
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
}

/** Sets the CORS headers; ends a preflight. */
function admit(exchange: Exchange, origin: string, rule: CorsRule): void {
  const { request, response } = exchange;
  const anyone = rule.allowedOrigins.includes("*");
  response.setHeader("access-control-allow-origin", anyone ? "*" : origin);
  if (!anyone) response.setHeader("access-control-allow-credentials", "true");
  response.setHeader("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
  if (rule.exposeHeaders.length > 0) {
    const all = rule === everything ? exposed : rule.exposeHeaders;
    response.setHeader("access-control-expose-headers", all.join(", "));
  }
  if (request.method !== "OPTIONS") return;
  response.setHeader("access-control-allow-methods", rule.allowedMethods.join(", "));
  const wanted = listOf(request.headers["access-control-request-headers"]);
  if (wanted.length > 0) response.setHeader("access-control-allow-headers", wanted.join(", "));
  if (rule.maxAgeSeconds !== undefined) response.setHeader("access-control-max-age", rule.maxAgeSeconds);
  response.setHeader("content-length", 0);
  response.writeHead(200).end();
}

const exposed = ["ETag", "x-amzn-requestid", "x-amzn-errortype", "x-amz-request-id", "x-amz-version-id", "Date"];

function listOf(header: string | string[] | undefined): string[] {
  return String(header ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
}

/** A page that this server itself handed out. */
function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}

function forbidden(message: string): Error {
  return new ServiceError("AccessForbidden", message, { status: 403 });
}
