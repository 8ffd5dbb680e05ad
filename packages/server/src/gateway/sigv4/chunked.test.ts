import { createHmac, hash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ChunkDecoder, ChunkError, type ChunkSigning } from "./chunked.ts";
import { deriveKey } from "./signing-keys.ts";

const signing: ChunkSigning = {
  key: deriveKey("secret", "20260101", "us-east-1", "s3"),
  timestamp: "20260101T000000Z",
  scope: "20260101/us-east-1/s3/aws4_request",
  seed: "0".repeat(64),
};

/** Encodes as an SDK would: each part a chunk, then the last chunk, then trailers. */
function encode(parts: readonly Buffer[], trailers: Readonly<Record<string, string>>, signed: boolean): Buffer {
  let previous = signing.seed;
  const sign = (algorithm: string, digests: string): string => {
    const text = `${algorithm}\n${signing.timestamp}\n${signing.scope}\n${previous}\n${digests}`;
    previous = createHmac("sha256", signing.key).update(text).digest("hex");
    return previous;
  };
  const header = (part: Buffer): string => {
    const size = part.length.toString(16);
    if (!signed) return `${size}\r\n`;
    const digests = `${hash("sha256", "")}\n${hash("sha256", part)}`;
    return `${size};chunk-signature=${sign("AWS4-HMAC-SHA256-PAYLOAD", digests)}\r\n`;
  };
  const out: Buffer[] = [];
  for (const part of parts) out.push(Buffer.from(header(part)), part, Buffer.from("\r\n"));
  out.push(Buffer.from(header(Buffer.alloc(0))));
  const lines = Object.entries(trailers).map(([name, value]) => `${name}:${value}`);
  for (const line of lines) out.push(Buffer.from(`${line}\r\n`));
  if (signed && lines.length > 0) {
    const text = lines.map((line) => `${line}\n`).join("");
    out.push(Buffer.from(`x-amz-trailer-signature:${sign("AWS4-HMAC-SHA256-TRAILER", hash("sha256", text))}\r\n`));
  }
  out.push(Buffer.from("\r\n"));
  return Buffer.concat(out);
}

/** Feeds `bytes` in pieces of the given sizes. */
function decode(decoder: ChunkDecoder, bytes: Buffer, sizes: readonly number[]): Buffer {
  const out: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const end = Math.min(bytes.length, at + (sizes[i % sizes.length] as number));
    out.push(...decoder.push(bytes.subarray(at, end)).map((piece) => Buffer.from(piece)));
    at = end;
  }
  decoder.end();
  return Buffer.concat(out);
}

const part = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const parts = fc.array(part, { maxLength: 5 });
const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 6 });
const trailers = fc.dictionary(
  fc.stringMatching(/^x-amz-checksum-[a-z0-9]{1,6}$/),
  fc.base64String({ minLength: 4, maxLength: 8 }),
  { maxKeys: 2 },
);

test("the payload and the trailers come out whatever the pieces are", () => {
  fc.assert(
    fc.property(parts, trailers, sizes, fc.boolean(), (parts, trailers, sizes, signed) => {
      const decoder = new ChunkDecoder(signed ? signing : undefined, Object.keys(trailers).length > 0);
      expect(decode(decoder, encode(parts, trailers, signed), sizes)).toEqual(Buffer.concat(parts));
      expect(decoder.trailers).toEqual(trailers);
    }),
  );
});

test("no byte of a signed body can be changed, and none left out", () => {
  fc.assert(
    fc.property(parts, trailers, fc.nat(), fc.boolean(), (parts, trailers, seed, cut) => {
      const bytes = encode(parts, trailers, true);
      const at = seed % bytes.length;
      const other = cut ? bytes.subarray(0, at) : Buffer.from(bytes);
      if (!cut) other[at] = (other[at] as number) ^ (1 + (seed % 255));
      const wantsTrailer = Object.keys(trailers).length > 0;
      let decoded: Buffer | undefined;
      const decoder = new ChunkDecoder(signing, wantsTrailer);
      try {
        decoded = decode(decoder, other, [17]);
      } catch (error) {
        expect(error).toBeInstanceOf(ChunkError);
        return;
      }
      // Framing that means the same may pass (a size in upper-case hex, a trailing line left out): the payload may not differ.
      expect(decoded).toEqual(Buffer.concat(parts));
      expect(decoder.trailers).toEqual(trailers);
    }),
    { numRuns: 500 },
  );
});

test.for<[string, string, ChunkError["kind"]]>([
  ["a size that is no number", "zz\r\n", "malformed"],
  ["more bytes than the size says", "1\r\nab\r\n0\r\n\r\n", "malformed"],
  ["an endless header line", "1".repeat(10_000), "malformed"],
  ["bytes after the end", "0\r\n\r\nmore", "malformed"],
  ["an end before the last chunk", "3\r\nabc\r\n", "incomplete"],
  ["a line feed alone", "3\nabc\n0\n\n", "malformed"],
])("%s is refused", ([, body, kind]) => {
  const decoder = new ChunkDecoder(undefined, false);
  expect(() => decode(decoder, Buffer.from(body), [100_000])).toThrow(expect.objectContaining({ kind }));
});
