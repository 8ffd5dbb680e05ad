import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isSignedBy } from "./canonical.ts";
import { type Claim, claimOfHeader, claimOfQuery } from "./claim.ts";
import { parseQuery, uriDecode, uriEncode } from "./encode.ts";
import { deriveKey } from "./signing-keys.ts";

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const region = "us-east-1";
const signingDate = new Date("2026-01-02T03:04:05Z");

class Sha256 {
  readonly #hash;
  constructor(secret?: unknown) {
    this.#hash = secret ? createHmac("sha256", secret as Buffer) : createHash("sha256");
  }
  update(data: unknown): void {
    this.#hash.update(data as Buffer);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

/** A request as it arrives: path and query of the request line, lower-case headers. */
interface Arrived {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Record<string, string>;
}

function verifies(arrived: Arrived, body: string, service: string): boolean {
  const query = parseQuery(arrived.query);
  const claim = (claimOfHeader(arrived.headers) ?? claimOfQuery(query)) as Claim;
  if (!claim || "malformed" in claim) return false;
  const key = deriveKey(credentials.secretAccessKey, claim.credential.day, claim.credential.region, service);
  const hash =
    claim.form === "query" && service === "s3" ? "UNSIGNED-PAYLOAD" : createHash("sha256").update(body).digest("hex");
  return isSignedBy(key, claim, { method: arrived.method, path: arrived.path, query, headers: arrived.headers }, hash);
}

async function signed(
  request: {
    method: string;
    path: string;
    query: Record<string, string>;
    headers: Record<string, string>;
    body: string;
  },
  service: string,
): Promise<Arrived> {
  const signer = new SignatureV4({
    credentials,
    region,
    service,
    sha256: Sha256 as never,
    uriEscapePath: service !== "s3",
  });
  const whole = {
    ...request,
    protocol: "http:",
    hostname: "127.0.0.1",
    headers: { host: "127.0.0.1:9310", ...request.headers },
  };
  const done = (await signer.sign(whole as never, { signingDate })) as unknown as typeof whole;
  return arrive(done.method, done.path, done.query, done.headers);
}

function arrive(method: string, path: string, query: Record<string, string>, headers: Record<string, string>): Arrived {
  const text = Object.entries(query).map(([name, value]) => `${uriEncode(name)}=${uriEncode(value)}`);
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { method, path, query: text.join("&"), headers: Object.fromEntries(lower) };
}

const text = fc.string({ unit: "binary", maxLength: 12 }).filter((s) => s.isWellFormed());
const segment = text.filter((s) => s !== "." && s !== "..");
const path = fc.array(segment, { maxLength: 4 }).map((parts) => `/${parts.map(uriEncode).join("/")}`);
// The signer keeps the query in a plain object, which loses a key of this name before it signs.
const queryName = text.filter((s) => s !== "" && s !== "__proto__" && !s.startsWith("X-Amz-"));
const query = fc.dictionary(queryName, text, { maxKeys: 4 });
const headerValue = fc.string({ unit: fc.constantFrom(..."abz 019-_.~,;:/\t"), maxLength: 16 });
const headers = fc.dictionary(fc.stringMatching(/^x-amz-meta-[a-z]{1,5}$/), headerValue, { maxKeys: 3 });
const request = fc.record({
  method: fc.constantFrom("GET", "PUT", "POST", "DELETE"),
  path,
  query,
  headers,
  body: text,
});
const service = fc.constantFrom("s3", "sagemaker");

test("what the SDK's signer signs is accepted, for odd paths, queries and headers", async () => {
  await fc.assert(
    fc.asyncProperty(request, service, async (request, service) => {
      expect(verifies(await signed(request, service), request.body, service)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("changing any signed part is refused", async () => {
  await fc.assert(
    fc.asyncProperty(request, service, fc.nat(), async (request, service, seed) => {
      const arrived = await signed(request, service);
      const other = tamper(arrived, request.body, seed);
      fc.pre(other !== undefined);
      expect(verifies(other.arrived, other.body, service)).toBe(false);
    }),
    { numRuns: 300 },
  );
});

/** Changes one byte of one signed part; `undefined` where the change would not mean anything else. */
function tamper(arrived: Arrived, body: string, seed: number): { arrived: Arrived; body: string } | undefined {
  const places = ["method", "path", "query", "body", ...Object.keys(arrived.headers)];
  const place = places[seed % places.length] as string;
  const flip = (value: string): string => {
    const at = Math.floor(seed / 7) % (value.length + 1);
    return `${value.slice(0, at)}${value[at] === "q" ? "r" : "q"}${value.slice(at + 1)}`;
  };
  if (place === "body") return { arrived, body: flip(body) };
  if (place === "method") return { arrived: { ...arrived, method: arrived.method === "PUT" ? "GET" : "PUT" }, body };
  if (place === "path") return { arrived: { ...arrived, path: `${arrived.path}${seed % 2 ? "q" : "%41"}` }, body };
  if (place === "query") {
    const query = arrived.query === "" ? "q=1" : seed % 2 ? `${arrived.query}&q=1` : `${arrived.query}q`;
    return { arrived: { ...arrived, query }, body };
  }
  // This signer sends the date and hash headers it signed; content-length and the like are not under the signature.
  const listed = /SignedHeaders=([^,]+)/.exec(arrived.headers["authorization"] as string)?.[1]?.split(";") ?? [];
  if (place !== "authorization" && !listed.includes(place)) return undefined;
  const value = arrived.headers[place] as string;
  const changed = place === "authorization" ? flipSignature(value, seed) : flip(value);
  return { arrived: { ...arrived, headers: { ...arrived.headers, [place]: changed } }, body };
}

function flipSignature(authorization: string, seed: number): string {
  const at = authorization.length - 1 - (seed % 64);
  const digit = (Number.parseInt(authorization[at] as string, 16) + 1 + (seed % 15)) % 16;
  return `${authorization.slice(0, at)}${digit.toString(16)}${authorization.slice(at + 1)}`;
}

test("presigned addresses are accepted as they are and refused when their expiry is stretched", async () => {
  await fc.assert(
    fc.asyncProperty(path, query, async (path, query) => {
      const signer = new SignatureV4({
        credentials,
        region,
        service: "s3",
        sha256: Sha256 as never,
        uriEscapePath: false,
      });
      const whole = { method: "GET", path, query, protocol: "http:", hostname: "h", headers: { host: "h" } };
      const options = { signingDate, expiresIn: 600, unsignableHeaders: new Set<string>() };
      const done = await signer.presign(
        { ...whole, headers: { ...whole.headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } } as never,
        options,
      );
      const arrived = arrive("GET", done.path, done.query as Record<string, string>, { host: "h" });
      expect(verifies(arrived, "", "s3")).toBe(true);
      const stretched = { ...arrived, query: arrived.query.replace("X-Amz-Expires=600", "X-Amz-Expires=601") };
      expect(verifies(stretched, "", "s3")).toBe(false);
    }),
    { numRuns: 100 },
  );
});

test("percent-encoding is undone by its own inverse", () => {
  fc.assert(fc.property(text, (s) => uriDecode(uriEncode(s)) === s));
});
