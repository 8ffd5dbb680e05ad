import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, ListenOptions, Socket } from "node:net";
import type { Platform } from "../platform.ts";
import type { Service } from "../services/service.ts";
import type { Site } from "../services/site.ts";
import { run } from "./chain.ts";
import type { CredentialStore } from "./credentials.ts";
import { Exchange, type Gateway } from "./exchange.ts";
import { Hosts, isLoopback } from "./hosts.ts";
import { limits } from "./limits.ts";
import { prepareProtocols } from "./protocols/index.ts";
import { GatewayResponse } from "./response.ts";
import { ServiceTable } from "./service-table.ts";
import { SigningKeys } from "./sigv4/signing-keys.ts";

export interface GatewayOptions {
  readonly platform: Platform;
  readonly services: readonly Service[];
  readonly credentials: CredentialStore;
  /** Pages under `/_sagebrush/NAME`, which are not AWS operations and carry no signature: the console, health. */
  readonly pages?: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>>;
  /** Pages at paths of their own (`/metrics`), for GET without a signature and without a query: S3 has the others. */
  readonly paths?: GatewayOptions["pages"];
  /** What has HTTP of its own below a first path segment: the image registry's `/v2/`. */
  readonly sites?: readonly Site[];
  /** A second listener, for runs on this host. */
  readonly runs?: RunListener;
  /** Where to listen in place of the configuration's address: gateway workers share that one. */
  readonly listen?: ListenOptions;
  /** Takes a request over before it is looked at here. @returns Whether it did. */
  readonly elsewhere?: TakesOver;
  /** Connections at once; `limits` has the number for a whole server. */
  readonly connections?: number;
}

type TakesOver = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => boolean;

/** What runs reach of the gateway: the services, by a Unix socket that relays lead to, under names of its own. */
export interface RunListener {
  readonly socket: string;
  /** Host header of its requests, besides the server's own names. */
  readonly host: string;
  /** In place of the pages for people. */
  readonly pages: GatewayOptions["pages"];
}

export interface RunningGateway {
  /** `http://127.0.0.1:9310` */
  readonly address: string;
  readonly port: number;
  /** Stops accepting, waits for requests in flight up to `graceMs`, then cuts what is left. */
  close(graceMs?: number): Promise<void>;
}

/** Refuses combinations that would let strangers in. */
export class UnsafeListener extends Error {
  override readonly name = "UnsafeListener";
}

/** Listens for every service on one port. @throws UnsafeListener, or Node's error when the port is taken. */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { configuration } = options.platform;
  assertSafe(configuration);
  await prepareProtocols();
  const gateway: Gateway = {
    platform: options.platform,
    services: new ServiceTable(options.services),
    credentials: options.credentials,
    signingKeys: new SigningKeys(),
    hosts: new Hosts(configuration.publicUrls, configuration.host),
    pages: { health, ...options.pages },
    paths: new Map(Object.entries(options.paths ?? {})),
    sites: new Map(options.sites?.map((site) => [site.segment, site])),
  };
  const where = options.listen ?? { port: configuration.port, host: configuration.host };
  // What comes by a socket of this host was decrypted by whoever passes it on.
  const isSecure = configuration.tls !== undefined && where.path === undefined;
  const server = isSecure ? secureServer(configuration.tls) : plainServer();
  answerWith(server, gateway, options.elsewhere);
  if (options.connections !== undefined) server.maxConnections = options.connections;
  const forRuns = options.runs && (await listenForRuns(gateway, options.runs));
  try {
    await listen(server, where);
  } catch (error) {
    if (forRuns) await close(forRuns, 0);
    throw error;
  }
  const bound = server.address() as AddressInfo | string;
  const port = typeof bound === "string" ? 0 : bound.port;
  return {
    address: addressOf(configuration, port),
    port,
    async close(graceMs = 5_000) {
      await Promise.all([server, ...(forRuns ? [forRuns] : [])].map((each) => close(each, graceMs)));
    },
  };
}

/** Where clients on this host find a server that listens on `port`. */
export function addressOf({ host, tls }: Platform["configuration"], port: number): string {
  return `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Relays live with their runs, so that the socket works again as soon as a new server makes it anew. */
async function listenForRuns(gateway: Gateway, { socket, host, pages }: RunListener): Promise<Server> {
  const { publicUrls, host: own } = gateway.platform.configuration;
  const server = plainServer();
  answerWith(server, {
    ...gateway,
    hosts: new Hosts([...publicUrls, `http://${host}`], own),
    pages: { health, ...pages },
    paths: new Map(),
  });
  await rm(socket, { force: true }); // of a server that was killed: the data directory has one at a time
  await listen(server, { path: socket });
  return server;
}

function answerWith(server: Server, gateway: Gateway, elsewhere: TakesOver = () => false): void {
  server.maxConnections = limits.connections;
  // A 5 GiB upload may take hours: what is bounded is silence in the middle of a body (body.ts).
  server.requestTimeout = 0;
  server.headersTimeout = limits.headersTimeoutMs;
  server.keepAliveTimeout = limits.keepAliveTimeoutMs;
  server.on("request", (request: IncomingMessage, response: GatewayResponse) => {
    if (!elsewhere(request, response, false)) serve(gateway, request, response, false);
  });
  server.on("checkContinue", (request: IncomingMessage, response: GatewayResponse) => {
    if (!elsewhere(request, response, true)) serve(gateway, request, response, true);
  });
  server.on("clientError", onClientError);
}

const serverOptions = {
  maxHeaderSize: limits.headerBytes,
  noDelay: true,
  keepAlive: true,
  ServerResponse: GatewayResponse,
} as const;

function plainServer(): Server {
  // Node's types tie a server to the class of its responses, which nothing here depends on.
  return createServer(serverOptions) as unknown as Server;
}

function secureServer(tls: { readonly certificateFile: string; readonly keyFile: string }): Server {
  const [cert, key] = [readFileSync(tls.certificateFile), readFileSync(tls.keyFile)];
  return createSecureServer({ ...serverOptions, cert, key, minVersion: "TLSv1.2" }) as unknown as Server;
}

function assertSafe(configuration: Platform["configuration"]): void {
  if (isLoopback(configuration.host)) return;
  if (configuration.auth === "open") {
    throw new UnsafeListener(
      `--auth open takes any credentials and therefore listens on loopback only, not on ${configuration.host}.`,
    );
  }
  if (configuration.tls || configuration.insecure) return;
  throw new UnsafeListener(
    `Listening on ${configuration.host} needs --tls-cert and --tls-key, or --insecure when something else encrypts the way here.`,
  );
}

function serve(gateway: Gateway, request: IncomingMessage, response: GatewayResponse, expectsContinue: boolean): void {
  const exchange = new Exchange(gateway, request, response, expectsContinue);
  response.requestId = exchange.requestId;
  // A response whose caller is gone emits an error nobody needs to hear.
  response.on("error", ignore);
  request.on("error", ignore);
  if (exchange.path.startsWith("/_sagebrush/") && gateway.hosts.match(request.headers.host)) {
    const page = gateway.pages[exchange.path.split("/")[2] as string];
    if (page && Object.hasOwn(gateway.pages, exchange.path.split("/")[2] as string)) return page(request, response);
  }
  const unsigned = unsignedPage(exchange);
  if (unsigned) return unsigned(request, response);
  const site = siteOf(exchange);
  if (site) return void site.handle(exchange.visit());
  void run(exchange);
}

function unsignedPage({ gateway, path, rawQuery, request }: Exchange) {
  const page = gateway.paths.get(path);
  if (page === undefined || rawQuery !== "" || request.headers.authorization?.startsWith("AWS")) return undefined;
  const match = gateway.hosts.match(request.headers.host);
  return match !== undefined && match.bucket === undefined ? page : undefined;
}

/** A site's segment is too short for a bucket's name, but may begin a key in a bucket that the Host names. */
function siteOf({ gateway, path, request }: Exchange): Site | undefined {
  const site = gateway.sites.get(path.split("/", 2)[1] as string);
  if (!site) return undefined;
  const match = gateway.hosts.match(request.headers.host);
  return (match && match.bucket === undefined) || site.acceptsHost(request.headers.host ?? "") ? site : undefined;
}

function ignore(): void {}

function health(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" }).end('{"status":"ok"}\n');
}

/** Bytes that are not HTTP, headers too large or too late: one clear line, then the connection ends. */
function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

function listen(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
