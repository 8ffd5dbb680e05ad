import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { isDiskFull } from "../../../disk-full.ts";
import { ServiceError } from "../../../errors.ts";
import type { Log } from "../../../log.ts";
import { RegistryError } from "../../../registry/registry-error.ts";
import type { Visit } from "../../site.ts";

/** Writes a short JSON answer, or its head alone for HEAD. */
export function answerJson(
  { request, response }: Visit,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { "content-type": "application/json", ...headers, "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

/** Writes an answer without a body. */
export function answerEmpty(
  { response }: Visit,
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
): void {
  response.writeHead(status, { "content-length": 0, ...headers }).end();
}

/** What is named by its digest, as its head tells: it never changes, so the digest is its entity tag too. */
export function contentHead(mediaType: string, digest: string): Readonly<Record<string, string>> {
  return { "content-type": mediaType, "docker-content-digest": digest, etag: `"${digest}"` };
}

/** Answers a GET of something that the client has already with 304. @returns Whether it did. */
export function answerUnchanged(visit: Visit, digest: string): boolean {
  const etag = `"${digest}"`;
  const known = (visit.request.headers["if-none-match"] ?? "").split(",").map((each) => each.trim());
  if (!known.includes(etag)) return false;
  answerEmpty(visit, 304, { etag });
  return true;
}

/** Sends a stream as the body. A failure on the way cuts the connection: only that says that the body is not whole. */
export async function answerStream(
  response: ServerResponse,
  body: NodeJS.ReadableStream,
  status: number,
  headers: Readonly<Record<string, string | number>>,
): Promise<void> {
  response.writeHead(status, headers);
  try {
    await pipeline(body, response);
  } catch (error) {
    // A client that hangs up is no failure of ours.
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}

/** Turns whatever was thrown into the specification's error form. */
export function answerFailure(visit: Visit, thrown: unknown, log: Log): void {
  const { request, response, requestId } = visit;
  if (response.headersSent) return void response.destroy();
  const { status, code, message, detail, headers } = describe(thrown, requestId, log);
  const error = { code, message, ...(detail !== undefined && { detail }) };
  // A client that still sends a refused body would block the connection for its next request.
  answerJson(visit, status, { errors: [error] }, { ...headers, ...(request.complete ? {} : { connection: "close" }) });
}

function describe(
  thrown: unknown,
  requestId: string,
  log: Log,
): { status: number; code: string; message: string; detail?: unknown; headers?: Readonly<Record<string, string>> } {
  if (thrown instanceof RegistryError) return thrown;
  if (thrown instanceof ServiceError) {
    // From the body (cut short, too large) or the byte store (gone by now).
    const code = thrown.code === "NoSuchKey" ? "BLOB_UNKNOWN" : "BLOB_UPLOAD_INVALID";
    return { status: thrown.status, code, message: thrown.message };
  }
  if (isDiskFull(thrown)) {
    const message = "The disk of this server is full: nothing of this request was kept. Free some space and try again.";
    return { status: 503, code: "UNKNOWN", message };
  }
  log.error("request to the image registry failed", { requestId, error: thrown });
  return { status: 500, code: "UNKNOWN", message: `An internal error occurred. Request id: ${requestId}.` };
}
