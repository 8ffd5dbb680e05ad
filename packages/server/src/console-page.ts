import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";

const file = new URL("../../console/index.html", import.meta.url);

/** Answers with the console's page. It loads nothing from elsewhere and may not be framed. */
export function consolePage(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  response.writeHead(200, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
  });
  response.end(request.method === "HEAD" ? undefined : readFileSync(file));
}
