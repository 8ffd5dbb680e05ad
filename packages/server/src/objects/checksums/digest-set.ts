import { createHash, type Hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { ChecksumAlgorithm } from "../object-records.ts";
import { type Crc64, crc32c, crc64nvme } from "./crc.ts";
import { xxHash } from "./xxhash.ts";

/** Every digest that an upload may ask for; MD5 always, since ETags are made of it. */
export type DigestAlgorithm = ChecksumAlgorithm;

/** A digest in base64 for each algorithm asked for. */
export type Digests = Partial<Record<DigestAlgorithm, string>>;

interface Digest {
  update(bytes: Uint8Array): void;
  end(): Buffer;
}

/** Several digests over one pass of the bytes. Whoever may meet xxHash calls `loadXxHash` before. */
export class DigestSet {
  readonly #digests: ReadonlyMap<DigestAlgorithm, Digest>;

  constructor(algorithms: Iterable<DigestAlgorithm>) {
    this.#digests = new Map([...new Set(algorithms)].map((name) => [name, makers[name]()]));
  }

  update(bytes: Uint8Array): void {
    for (const digest of this.#digests.values()) digest.update(bytes);
  }

  end(): Digests {
    return Object.fromEntries([...this.#digests].map(([name, digest]) => [name, digest.end().toString("base64")]));
  }
}

const makers: Record<DigestAlgorithm, () => Digest> = {
  MD5: () => hashed(createHash("md5")),
  SHA1: () => hashed(createHash("sha1")),
  SHA256: () => hashed(createHash("sha256")),
  SHA512: () => hashed(createHash("sha512")),
  XXHASH64: () => xxHash("XXHASH64"),
  XXHASH3: () => xxHash("XXHASH3"),
  XXHASH128: () => xxHash("XXHASH128"),
  CRC32: () => checked32((bytes, seed) => crc32(bytes, seed)),
  CRC32C: () => checked32(crc32c),
  CRC64NVME: () => {
    let value: Crc64 = { high: 0, low: 0 };
    return {
      update(bytes) {
        value = crc64nvme(bytes, value);
      },
      end() {
        const bytes = Buffer.alloc(8);
        bytes.writeUInt32BE(value.high, 0);
        bytes.writeUInt32BE(value.low, 4);
        return bytes;
      },
    };
  },
};

function hashed(hash: Hash): Digest {
  return { update: (bytes) => void hash.update(bytes), end: () => hash.digest() };
}

function checked32(step: (bytes: Uint8Array, seed: number) => number): Digest {
  let value = 0;
  return {
    update(bytes) {
      value = step(bytes, value);
    },
    end() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    },
  };
}
