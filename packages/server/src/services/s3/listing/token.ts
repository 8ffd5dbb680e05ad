import { invalidArgument } from "../access.ts";

/**
 * Where a listing goes on, as an opaque text. It need not be secret or signed: it only says after which name to
 * continue, which the caller may say in plain words as well (`start-after`).
 */
export function writeToken(...parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts), "utf8").toString("base64url");
}

/** @throws ServiceError `InvalidArgument` for a text that `writeToken` did not make. */
export function readToken(token: string): readonly string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (Array.isArray(parts) && parts.length > 0 && parts.every((part) => typeof part === "string")) return parts;
  } catch {
    // Falls through to the one error for every malformed token.
  }
  throw invalidArgument("The continuation token provided is incorrect", { ArgumentName: "continuation-token" });
}
