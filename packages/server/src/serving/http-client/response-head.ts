/** How a response's body ends. */
type Framing = "none" | "length" | "chunked" | "connection";

/** The first part of a response, with what follows from it for the rest. */
export interface ResponseHead {
  readonly status: number;
  /** Names in lower case, and values, in turn. */
  readonly headers: readonly string[];
  readonly framing: Framing;
  /** Bytes of the body, where `framing` is `length`. */
  readonly length: number;
  /** The connection may carry another request afterwards. */
  readonly keepsAlive: boolean;
  /** How long the server says that it keeps an idle connection; `undefined` when it does not say. */
  readonly idleSeconds: number | undefined;
}

/** Bytes that are not a response, or that leave open where it ends. The connection cannot be used again. */
export class MalformedResponse extends Error {
  override readonly name = "MalformedResponse";
}

// oxlint-disable-next-line no-control-regex -- a tab is the one control character that values may hold
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/** A field name, and a value without control characters; no folded lines, no blanks before the colon. */
// oxlint-disable-next-line no-control-regex -- as above
const fieldLines = /^(?:\r\n[\w!#$%&'*+\-.^`|~]+:[\t\x20-\x7e\x80-\xff]*)*$/;

/**
 * Reads status line and fields. Strict where leniency lets two readers disagree on where the response ends.
 * @param text - Without the empty line that ends it, one character a byte.
 * @throws MalformedResponse
 */
export function readHead(text: string): ResponseHead {
  const firstEnd = text.indexOf("\r\n");
  const match = statusLine.exec(firstEnd < 0 ? text : text.slice(0, firstEnd));
  if (!match) throw new MalformedResponse("The answer does not begin with an HTTP/1 status line.");
  const fields = firstEnd < 0 ? "" : text.slice(firstEnd);
  if (!fieldLines.test(fields)) throw new MalformedResponse("The answer's header fields are not well-formed.");
  return interpret(Number(match[2]), match[1] === "1", splitFields(fields));
}

/** One field of the trailer of a chunked body. @throws MalformedResponse */
export function checkTrailer(line: string): void {
  if (!fieldLines.test(`\r\n${line}`)) throw new MalformedResponse("The answer's trailer is not well-formed.");
}

function splitFields(fields: string): string[] {
  const headers: string[] = [];
  let from = 2;
  while (from < fields.length) {
    let to = fields.indexOf("\r\n", from);
    if (to < 0) to = fields.length;
    const colon = fields.indexOf(":", from);
    headers.push(fields.slice(from, colon).toLowerCase(), fields.slice(colon + 1, to).trim());
    from = to + 2;
  }
  return headers;
}

function interpret(status: number, isCurrent: boolean, headers: readonly string[]): ResponseHead {
  let length: string | undefined;
  let coding: string | undefined;
  let connection = "";
  let idleSeconds: number | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1] as string;
    switch (headers[i]) {
      case "content-length":
        if (length !== undefined && length !== value) throw new MalformedResponse("The answer has two lengths.");
        length = value;
        break;
      case "transfer-encoding":
        if (coding !== undefined) throw new MalformedResponse("The answer has two transfer codings.");
        coding = value.toLowerCase();
        break;
      case "connection":
        connection += `,${value.toLowerCase()}`;
        break;
      case "keep-alive":
        idleSeconds = idleSecondsOf(value);
        break;
      default:
    }
  }
  const { framing, bytes } = framingOf(status, isCurrent, length, coding);
  const tokens = connection === "" ? none : connection.split(",").map((token) => token.trim());
  const keepsAlive =
    framing !== "connection" && (isCurrent ? !tokens.includes("close") : tokens.includes("keep-alive"));
  return { status, headers, framing, length: bytes, keepsAlive, idleSeconds };
}

const none: readonly string[] = [];

function framingOf(
  status: number,
  isCurrent: boolean,
  length: string | undefined,
  coding: string | undefined,
): { framing: Framing; bytes: number } {
  // Nobody asked for another protocol, and what follows would not be HTTP.
  if (status === 101) throw new MalformedResponse("The answer switches protocols.");
  if (length !== undefined && !/^\d{1,15}$/.test(length))
    throw new MalformedResponse("The answer's length is no number.");
  if (coding !== undefined) {
    // Length and coding together are how responses are smuggled; a coding that we cannot undo has no known end.
    if (coding !== "chunked" || length !== undefined || !isCurrent) {
      throw new MalformedResponse("The answer's transfer coding is not plainly chunked.");
    }
  }
  if (status < 200 || status === 204 || status === 304) return { framing: "none", bytes: 0 };
  if (coding !== undefined) return { framing: "chunked", bytes: 0 };
  if (length === undefined) return { framing: "connection", bytes: 0 };
  return length === "0" ? { framing: "none", bytes: 0 } : { framing: "length", bytes: Number(length) };
}

function idleSecondsOf(value: string): number | undefined {
  const match = /(?:^|[,\s])timeout=(\d{1,6})(?:$|[,\s])/i.exec(value);
  return match ? Number(match[1]) : undefined;
}
