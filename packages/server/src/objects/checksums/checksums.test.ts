import { createHash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Crc, combineCrc } from "./combine.ts";
import { crc32c, crc64nvme } from "./crc.ts";
import { DigestSet } from "./digest-set.ts";
import { loadXxHash } from "./xxhash.ts";

const digits = Buffer.from("123456789");

// The check values of the CRC catalogue (reveng): what each algorithm gives for the ASCII digits 1 to 9.
test("check values of the catalogue", () => {
  expect(crc32c(digits)).toBe(0xe3069283);
  expect(crc64nvme(digits)).toEqual({ high: 0xae8b1486, low: 0x0a799888 });
});

function digestOf(algorithm: Crc, bytes: Uint8Array): Buffer {
  const set = new DigestSet([algorithm]);
  set.update(bytes);
  return Buffer.from(set.end()[algorithm] as string, "base64");
}

test.for(["CRC32", "CRC32C", "CRC64NVME"] as const)("%s: pieces of any size give the value of the whole", (name) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 100 }), (a, b) => {
      const whole = digestOf(name, Buffer.concat([a, b]));
      const pieces = new DigestSet([name]);
      pieces.update(a);
      pieces.update(b);
      expect(pieces.end()[name]).toBe(whole.toString("base64"));
      expect(combineCrc(name, digestOf(name, a), digestOf(name, b), b.length)).toEqual(whole);
    }),
  );
});

test("fast tables agree with bits one at a time", () => {
  const bytes = randomBytes(1001);
  let slow = 0xffffffff;
  for (const byte of bytes) {
    slow ^= byte;
    for (let bit = 0; bit < 8; bit++) slow = slow & 1 ? (slow >>> 1) ^ 0x82f63b78 : slow >>> 1;
  }
  expect(crc32c(bytes)).toBe(~slow >>> 0);
  let slow64 = 0xffffffffffffffffn;
  for (const byte of bytes) {
    slow64 ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) slow64 = slow64 & 1n ? (slow64 >> 1n) ^ 0x9a6c9329ac4bc9b5n : slow64 >> 1n;
  }
  const { high, low } = crc64nvme(bytes);
  expect((BigInt(high) << 32n) | BigInt(low)).toBe(~slow64 & 0xffffffffffffffffn);
});

test("a set computes every algorithm in one pass", () => {
  const bytes = randomBytes(5000);
  const set = new DigestSet(["MD5", "SHA1", "SHA256", "CRC32", "MD5"]);
  set.update(bytes.subarray(0, 1234));
  set.update(bytes.subarray(1234));
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(bytes));
  expect(set.end()).toEqual({
    MD5: createHash("md5").update(bytes).digest("base64"),
    SHA1: createHash("sha1").update(bytes).digest("base64"),
    SHA256: createHash("sha256").update(bytes).digest("base64"),
    CRC32: crc.toString("base64"),
  });
});

// The empty text's values are those of the xxHash specification and its test vectors, seed 0, in big-endian order.
test.for([
  ["XXHASH64", "ef46db3751d8e999"],
  ["XXHASH3", "2d06800538d394c2"],
  ["XXHASH128", "99aa06d3014798d86001c324468d497f"],
] as const)("%s: the specification's value, and pieces of two interleaved streams", async ([name, empty]) => {
  await loadXxHash([name]);
  expect(Buffer.from(new DigestSet([name]).end()[name] as string, "base64").toString("hex")).toBe(empty);
  const bytes = randomBytes(5_000);
  const [one, other] = [new DigestSet([name]), new DigestSet([name])];
  other.update(digits);
  for (let at = 0; at < bytes.length; at += 333) {
    one.update(bytes.subarray(at, at + 333));
    other.update(digits);
  }
  const whole = new DigestSet([name]);
  whole.update(bytes);
  expect(one.end()).toEqual(whole.end());
  expect(other.end()).not.toEqual(whole.end());
});
