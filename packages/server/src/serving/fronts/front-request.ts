import type { IncomingMessage } from "node:http";
import { frontHeader, invocationHeader, targetContainerHeader, targetModelHeader } from "./front-answer.ts";

/** Bodies up to this size are taken; the largest payload of a batch transform, which is the largest there is. */
export const maxFrontBodyBytes = 100 * 1024 ** 2;
/** For the whole answer of a request that does not say: as long as a batch transform lets a model have. */
const defaultTimeoutMs = 3_600_000;

/** A request to an instance with several containers or several models. */
export interface FrontRequest {
  /** For containers, names in lower case and values in turn; content type and accept excepted. */
  readonly headers: readonly string[];
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
  readonly targetContainer: string | undefined;
  readonly targetModel: string | undefined;
  readonly body: Buffer;
  readonly timeoutMs: number;
  readonly keptBytes: number | undefined;
}

/** Headers that are this connection's own, or said of the request besides. */
const own: ReadonlySet<string> = new Set([
  ...["host", "connection", "keep-alive", "content-length", "transfer-encoding", "expect", "content-type", "accept"],
  ...[invocationHeader, frontHeader, targetContainerHeader, targetModelHeader],
]);

/**
 * Reads a request whole.
 * @returns `undefined` when its body is too large.
 * @throws Error when the caller breaks off.
 */
export async function readFrontRequest(request: IncomingMessage): Promise<FrontRequest | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size <= maxFrontBodyBytes) chunks.push(chunk as Buffer);
    else chunks.length = 0;
  }
  if (size > maxFrontBodyBytes) return undefined;
  const headers: string[] = [];
  const { rawHeaders } = request;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    if (!own.has(name)) headers.push(name, rawHeaders[i + 1] as string);
  }
  const text = (name: string): string | undefined => {
    const value = request.headers[name];
    return typeof value === "string" ? value : undefined;
  };
  const [timeout = "", kept = ""] = (text(invocationHeader) ?? "").split(";");
  return {
    headers,
    contentType: text("content-type"),
    accept: text("accept"),
    targetContainer: text(targetContainerHeader),
    targetModel: text(targetModelHeader),
    body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks),
    timeoutMs: timeout === "" ? defaultTimeoutMs : Number(timeout),
    keptBytes: kept === "" ? undefined : Number(kept),
  };
}

/** What an invoker says of a request; see `invocationHeader`. */
export function invocationText(timeoutMs: number, keptBytes: number | undefined): string {
  // A little less, so that the front is the first to notice: it knows which container it waits for.
  return `${Math.max(1, Math.round(timeoutMs - Math.min(50, timeoutMs / 10)))};${keptBytes ?? ""}`;
}
