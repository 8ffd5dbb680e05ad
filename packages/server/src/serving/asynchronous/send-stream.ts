import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Backend } from "../routing/backend.ts";

/** One request whose body may be large. */
export interface StreamedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly sizeBytes: number;
  /** Opens the body. What it throws is thrown on. */
  readonly open: () => Promise<Readable>;
  readonly timeoutMs: number;
  /** Called with a good answer while it comes. What it throws is thrown on, unless the model broke off. */
  readonly onAnswer: (answer: IncomingMessage) => Promise<void>;
}

/** What came of it. */
export type StreamedOutcome =
  /** `body` is the beginning of an answer that is not good; empty otherwise. */
  | { readonly kind: "answered"; readonly status: number; readonly body: string }
  /** No connection could be made. */
  | { readonly kind: "refused" }
  /** The connection broke before the answer was whole. */
  | { readonly kind: "broken" }
  | { readonly kind: "timeout" };

const keptErrorBytes = 8 * 1024;

/**
 * Sends one request to an instance, body and answer flowing: neither is ever whole in memory. The instance counts it
 * among its requests, so that it is not taken away meanwhile.
 * @throws What `open` and `onAnswer` throw, and the signal's reason once that is aborted.
 */
export async function sendStream(
  backend: Backend,
  request: StreamedRequest,
  signal: AbortSignal,
): Promise<StreamedOutcome> {
  signal.throwIfAborted();
  const body = await request.open();
  backend.begin();
  const deadline = AbortSignal.timeout(request.timeoutMs);
  const call = httpRequest({
    ...targetOf(backend.address),
    ...{ method: "POST", path: "/invocations", agent: false },
    headers: { ...request.headers, "content-length": request.sizeBytes },
    signal: AbortSignal.any([deadline, signal]),
  });
  const connected = isConnected(call);
  const answered = once(call, "response") as Promise<[IncomingMessage]>;
  let sourceError: unknown;
  body.once("error", (error) => (sourceError = error));
  // A server may answer, and close, before it has read everything.
  const sent = pipeline(body, call).catch(() => undefined);
  let answer: IncomingMessage | undefined;
  try {
    [answer] = await answered;
    const status = answer.statusCode ?? 0;
    if (status < 200 || status >= 300) return { kind: "answered", status, body: await beginningOf(answer) };
    await request.onAnswer(answer);
    return { kind: "answered", status, body: "" };
  } catch (error) {
    if (sourceError !== undefined) throw sourceError;
    signal.throwIfAborted();
    if (deadline.aborted) return { kind: "timeout" };
    if (answer === undefined) return connected() ? { kind: "broken" } : { kind: "refused" };
    if (answer.errored !== null) return { kind: "broken" };
    throw error;
  } finally {
    body.destroy();
    call.destroy();
    await sent;
    backend.end();
  }
}

function isConnected(call: ReturnType<typeof httpRequest>): () => boolean {
  let is = false;
  call.once("socket", (socket) => {
    socket.once("connect", () => (is = true));
  });
  return () => is;
}

async function beginningOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer) {
      if (size < keptErrorBytes) chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
  } catch {
    // Its status has come, and that it failed: the rest of what it had to say is missing.
  }
  return Buffer.concat(chunks).subarray(0, keptErrorBytes).toString("utf8");
}

function targetOf(address: string): { socketPath: string } | { host: string; port: string } {
  if (address.startsWith("unix:")) return { socketPath: address.slice(5) };
  const { hostname, port } = new URL(`http://${address.replace(/^tcp:/u, "")}`);
  return { host: hostname.replace(/^\[|\]$/gu, ""), port };
}
