import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { invariant } from "../errors.ts";
import type { Platform } from "../platform.ts";
import type { Scope } from "../scope.ts";
import type { OperationContext, Principal, Protocol, Service } from "../services/service.ts";
import type { Site, Visit } from "../services/site.ts";
import { IncomingBody } from "./body.ts";
import type { CredentialStore } from "./credentials.ts";
import type { Hosts } from "./hosts.ts";
import type { OperationSchema, ServiceSchema } from "./schemas.ts";
import type { ServiceTable } from "./service-table.ts";
import { type Claim, claimOfHeader, type Malformed } from "./sigv4/claim.ts";
import { parseQuery, type Query } from "./sigv4/encode.ts";
import type { SigningKeys } from "./sigv4/signing-keys.ts";

/** What every request needs of the server. */
export interface Gateway {
  readonly platform: Platform;
  readonly services: ServiceTable;
  readonly credentials: CredentialStore;
  readonly signingKeys: SigningKeys;
  readonly hosts: Hosts;
  /** Pages that are not AWS operations (console, health), by the first path segment: `_sagebrush`. */
  readonly pages: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>>;
  /** Pages that requests without a signature get, by their whole path. */
  readonly paths: ReadonlyMap<string, (request: IncomingMessage, response: ServerResponse) => void>;
  /** By their first path segment. */
  readonly sites: ReadonlyMap<string, Site>;
}

/**
 * One request on its way through the chain. Each handler fills in what it found; the comment says which one. One class
 * with every field present from the start, so that V8 keeps one shape on the hot path.
 */
export class Exchange {
  readonly gateway: Gateway;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string = randomUUID();
  readonly body: IncomingBody;
  /** Milliseconds since 1970, by the platform's clock. */
  readonly startedAt: number;
  /** By `performance.now()`: the platform's clock counts whole milliseconds. */
  readonly receivedAt: number = performance.now();
  /** As on the request line, still percent-encoded. */
  readonly path: string;
  readonly rawQuery: string;
  /** check-host: bucket of a virtual-hosted address. */
  hostBucket: string | undefined = undefined;
  /** check-origin: the request comes from a web page that only this bucket's rules admit. */
  originOfBucket: string | undefined = undefined;
  /** identify */
  service: Service | undefined = undefined;
  /** identify: where the request speaks another protocol than the service's first. */
  otherProtocol: Protocol | undefined = undefined;
  schema: ServiceSchema | undefined = undefined;
  operationName: string | undefined = undefined;
  operation: OperationSchema | undefined = undefined;
  /** identify: path labels, decoded, of the REST protocols. */
  labels: Readonly<Record<string, string>> | undefined = undefined;
  /** identify: parameters of the query protocol. */
  form: Query | undefined = undefined;
  /** authenticate */
  scope: Scope | undefined = undefined;
  principal: Principal | undefined = undefined;
  /** read-input */
  input: unknown = undefined;
  /** invoke */
  output: unknown = undefined;
  #query: Query | undefined = undefined;
  #claim: Claim | Malformed | undefined = undefined;

  constructor(gateway: Gateway, request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) {
    this.gateway = gateway;
    this.request = request;
    this.response = response;
    this.body = new IncomingBody(request, response, expectsContinue);
    this.startedAt = gateway.platform.clock.now();
    const url = request.url as string;
    const mark = url.indexOf("?");
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.rawQuery = mark < 0 ? "" : url.slice(mark + 1);
  }

  /** Decoded query pairs. @throws MalformedUri */
  get query(): Query {
    this.#query ??= parseQuery(this.rawQuery);
    return this.#query;
  }

  /** What the `Authorization` header claims. Nothing of it is proven before `authenticate`. */
  get claim(): Claim | Malformed | undefined {
    this.#claim ??= claimOfHeader(this.request.headers);
    return this.#claim;
  }

  /** The first value of a query parameter. */
  parameter(name: string): string | undefined {
    return this.query.find(([found]) => found === name)?.[1];
  }

  /** What the request speaks, once its service is known. */
  get protocol(): Protocol | undefined {
    return this.otherProtocol ?? this.service?.protocol;
  }

  /** What a site sees of this request. */
  visit(): Visit {
    const { request, response, body, path, rawQuery, requestId } = this;
    return { request, response, body, path, query: new URLSearchParams(rawQuery), requestId };
  }

  /** What the operation sees of this request. */
  context(): OperationContext {
    invariant(this.scope && this.principal, "authentication ran before the operation");
    return new RequestContext(this, this.scope, this.principal);
  }
}

class RequestContext implements OperationContext {
  readonly scope: Scope;
  readonly principal: Principal;
  readonly requestId: string;
  readonly platform: Platform;
  readonly #exchange: Exchange;
  #signal: AbortSignal | undefined;

  constructor(exchange: Exchange, scope: Scope, principal: Principal) {
    this.#exchange = exchange;
    this.scope = scope;
    this.principal = principal;
    this.requestId = exchange.requestId;
    this.platform = exchange.gateway.platform;
  }

  /** Made when first asked for: most operations end before anyone could hang up. */
  get signal(): AbortSignal {
    if (!this.#signal) {
      const controller = new AbortController();
      this.#signal = controller.signal;
      const { response } = this.#exchange;
      response.once("close", () => {
        if (!response.writableFinished) controller.abort();
      });
    }
    return this.#signal;
  }

  get publicUrl(): string {
    const { request, gateway } = this.#exchange;
    const configured = gateway.platform.configuration.publicUrls[0];
    if (configured !== undefined) return configured.replace(/\/$/, "");
    const secure = gateway.platform.configuration.tls !== undefined;
    return `${secure ? "https" : "http"}://${request.headers.host}`;
  }
}
