import fc from "fast-check";
import { expect, test } from "vitest";
import { MalformedResponse, type ResponseHead } from "./response-head.ts";
import { ResponseParser } from "./response-parser.ts";

interface Parsed {
  readonly outcome: "whole" | "malformed";
  readonly status: number | undefined;
  readonly headers: readonly string[] | undefined;
  readonly keepsAlive: boolean | undefined;
  readonly body: string;
  /** Bytes after the response. */
  readonly rest: number;
}

/** Reads one response from pieces; the connection ends after them. */
function parse(pieces: readonly Buffer[], parser = new ResponseParser()): Parsed {
  let head: ResponseHead | undefined;
  const body: Buffer[] = [];
  let rest = 0;
  let outcome: Parsed["outcome"] = "whole";
  parser.begin({ onHead: (given) => (head = given), onBody: (bytes) => void body.push(bytes) });
  // The parser may not rely on its input afterwards: connections read into one buffer again and again.
  const shared = Buffer.alloc(Math.max(1, ...pieces.map((piece) => piece.length)));
  try {
    for (const piece of pieces) {
      piece.copy(shared);
      const taken = parser.push(shared.subarray(0, piece.length));
      rest += piece.length - taken;
      shared.fill("#");
    }
    parser.end();
  } catch (error) {
    if (!(error instanceof MalformedResponse)) throw error;
    outcome = "malformed";
  }
  const { status, headers, keepsAlive } = head ?? {};
  return { outcome, status, headers, keepsAlive, body: Buffer.concat(body).toString("latin1"), rest };
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((to, i) => bytes.subarray(at[i], to));
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const cuts = fc.array(fc.nat(5_000), { maxLength: 12 });
const fieldName = fc.stringMatching(/^[A-Za-z][\w!#$%&'*+.^`|~-]{0,12}$/).map((name) => `X-${name}`);
const fieldValue = fc.stringMatching(/^[\x21-\x7e]?(?:[\t\x20-\x7e\x80-\xff]{0,20}[\x21-\x7e])?$/);
const fields = fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 8 });
const content = fc.uint8Array({ maxLength: 3_000 }).map((array) => Buffer.from(array).toString("latin1"));
const response = fc.record({
  status: fc.integer({ min: 200, max: 599 }).filter((status) => status !== 204 && status !== 304),
  fields,
  chunks: fc.array(content, { maxLength: 5 }),
  framing: fc.constantFrom("length", "chunked", "connection"),
  informational: fc.array(fc.constantFrom(100, 102, 103), { maxLength: 2 }),
  trailer: fields,
});
type Response = typeof response extends fc.Arbitrary<infer Value> ? Value : never;

function write({ status, fields: given, chunks, framing, informational, trailer }: Response): Buffer {
  const body = chunks.join("");
  const lines = (list: readonly (readonly [string, string])[]) => list.map(([n, v]) => `${n}: ${v}\r\n`).join("");
  const before = informational.map((one) => `HTTP/1.1 ${one} Wait\r\nlink: </a>\r\n\r\n`).join("");
  const head = `${before}HTTP/1.1 ${status} Whatever\r\n${lines(given)}`;
  if (framing === "length") return bytes(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  if (framing === "connection") return bytes(`${head}\r\n${body}`);
  const full = chunks.filter((chunk) => chunk !== "");
  const text = full.map((chunk) => `${chunk.length.toString(16)};a="b"\r\n${chunk}\r\n`).join("");
  return bytes(`${head}Transfer-Encoding: Chunked\r\n\r\n${text}0\r\n${lines(trailer)}\r\n`);
}

test("a response is read the same however its bytes are split", () => {
  fc.assert(
    fc.property(response, cuts, (given, places) => {
      const parsed = parse(split(write(given), places));
      expect(parsed).toMatchObject({
        outcome: "whole",
        status: given.status,
        body: given.chunks.join(""),
        keepsAlive: given.framing !== "connection",
        rest: 0,
      });
      const plain = given.fields.flatMap(([name, value]) => [name.toLowerCase(), value.trim()]);
      expect(parsed.headers?.slice(0, plain.length)).toEqual(plain);
    }),
  );
});

test("of damaged bytes the verdict does not depend on how they are split", () => {
  const damage = fc.array(fc.tuple(fc.nat(5_000), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(response, damage, cuts, fc.nat(5_000), (given, changes, places, length) => {
      const damaged = Buffer.from(write(given));
      for (const [at, byte] of changes) damaged[at % damaged.length] = byte;
      const cut = damaged.subarray(0, Math.max(1, length % (damaged.length + 1)));
      for (const input of [damaged, cut]) expect(parse(split(input, places))).toEqual(parse([input]));
    }),
    { numRuns: 500 },
  );
});

test("one parser reads response after response, of the same head and of others", () => {
  fc.assert(
    fc.property(fc.array(response, { minLength: 1, maxLength: 4 }), cuts, (list, places) => {
      const parser = new ResponseParser();
      for (const given of [...list, ...list.slice(-1)]) {
        const written = write(given);
        expect(parse(split(written, places), parser)).toEqual(parse([written]));
      }
    }),
  );
});

test("a response that is cut short is never whole", () => {
  fc.assert(
    fc.property(response, fc.nat(), (given, at) => {
      fc.pre(given.framing !== "connection");
      const written = write(given);
      expect(parse([written.subarray(0, at % written.length)]).outcome).toBe("malformed");
    }),
  );
});

test("bytes after a response are left to the caller", () => {
  const parsed = parse([bytes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200")]);
  expect(parsed).toMatchObject({ outcome: "whole", body: "ok", rest: 12 });
});

test.for([
  ["another protocol", "SSH-2.0-x\r\n"],
  ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n"],
  ["an upgrade", "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n"],
  ["lines that end in LF", "HTTP/1.1 200 OK\ncontent-length: 0\n\n"],
  ["a lone CR", "HTTP/1.1 200 OK\r\na: b\rc\r\ncontent-length: 0\r\n\r\n"],
  ["a folded line", "HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n"],
  ["a blank before the colon", "HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n"],
  ["a field without a name", "HTTP/1.1 200 OK\r\n: 0\r\n\r\n"],
  ["a field without a colon", "HTTP/1.1 200 OK\r\nabc\r\n\r\n"],
  ["a NUL in a value", "HTTP/1.1 200 OK\r\na: \0\r\ncontent-length: 0\r\n\r\n"],
  ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"],
  ["a length with a sign", "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na"],
  ["an empty length", "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n"],
  ["a list of lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\na"],
  ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"],
  ["length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["two codings", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
  ["a coding twice", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a chunk without a size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\n\r\n"],
  ["a chunk size with a prefix", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"],
  ["a chunk size without end", `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${"0".repeat(2_000)}`],
  ["a chunk longer than its size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"],
  ["a chunk line that ends in LF", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n"],
  ["a broken trailer", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nabc\r\n\r\n"],
  ["an endless head", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(4_000)}`],
  ["a head that is too long", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(4_000)}content-length: 0\r\n\r\n`],
  ["an endless trailer", `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${"a: b\r\n".repeat(8_000)}`],
] as const)("refuses %s", ([, text]) => {
  expect(parse([bytes(text)]).outcome).toBe("malformed");
});

test.for([
  ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true, undefined],
  ["HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", true, undefined],
  ["HTTP/1.1 204 No Content\r\n\r\n", true, undefined],
  ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=5, max=9\r\n\r\n", true, 5],
  ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: x, Close\r\n\r\n", false, undefined],
  ["HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", false, undefined],
  ["HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n", true, undefined],
] as const)("knows whether the connection goes on after %j", ([text, keepsAlive, idleSeconds]) => {
  const parser = new ResponseParser();
  expect(parse([bytes(text)], parser).outcome).toBe("whole");
  expect(parser.head).toMatchObject({ keepsAlive, idleSeconds });
});
