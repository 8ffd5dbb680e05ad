import type { IncomingHttpHeaders } from "node:http";
import { ServiceError } from "../../../errors.ts";
import type { DigestAlgorithm, Digests } from "../../../objects/checksums/digest-set.ts";
import type { ChecksumAlgorithm, StoredChecksum } from "../../../objects/object-records.ts";
import { invalidRequest } from "../access.ts";

/** Checksum header of each algorithm, which is also its trailer's name. */
export const checksumHeaders: Readonly<Record<ChecksumAlgorithm, string>> = {
  CRC32: "x-amz-checksum-crc32",
  CRC32C: "x-amz-checksum-crc32c",
  CRC64NVME: "x-amz-checksum-crc64nvme",
  SHA1: "x-amz-checksum-sha1",
  SHA256: "x-amz-checksum-sha256",
  SHA512: "x-amz-checksum-sha512",
  MD5: "x-amz-checksum-md5",
  XXHASH64: "x-amz-checksum-xxhash64",
  XXHASH3: "x-amz-checksum-xxhash3",
  XXHASH128: "x-amz-checksum-xxhash128",
};

/** Members of SDK shapes that hold a checksum of the algorithm. */
export const checksumMembers = {
  CRC32: "ChecksumCRC32",
  CRC32C: "ChecksumCRC32C",
  CRC64NVME: "ChecksumCRC64NVME",
  SHA1: "ChecksumSHA1",
  SHA256: "ChecksumSHA256",
  SHA512: "ChecksumSHA512",
  MD5: "ChecksumMD5",
  XXHASH64: "ChecksumXXHASH64",
  XXHASH3: "ChecksumXXHASH3",
  XXHASH128: "ChecksumXXHASH128",
} as const satisfies Record<ChecksumAlgorithm, string>;

const digestBytes: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
  SHA512: 64,
  MD5: 16,
  XXHASH64: 8,
  XXHASH3: 8,
  XXHASH128: 16,
};

const algorithms = Object.keys(checksumHeaders) as ChecksumAlgorithm[];

/** What the caller says the body's digests are, in headers now or in trailers at its end. */
export class ChecksumClaim {
  readonly algorithm: ChecksumAlgorithm | undefined;
  readonly #value: string | undefined;
  readonly #inTrailer: boolean;
  readonly #md5: string | undefined;

  /**
   * @param fallback - Algorithm to compute when the caller names none: the one that a multipart upload was begun with.
   * @throws ServiceError `InvalidRequest`, `InvalidDigest` for claims that cannot be right.
   */
  constructor(headers: IncomingHttpHeaders, fallback?: ChecksumAlgorithm) {
    const named = algorithms.filter((name) => headers[checksumHeaders[name]] !== undefined);
    if (named.length > 1)
      throw invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
    const trailer = String(headers["x-amz-trailer"] ?? "")
      .trim()
      .toLowerCase();
    const trailing = algorithms.find((name) => checksumHeaders[name] === trailer);
    if (trailer !== "" && !trailing)
      throw invalidRequest("The value specified in the x-amz-trailer header is not supported");
    const declared = headers["x-amz-sdk-checksum-algorithm"];
    const asked = declared === undefined ? undefined : requireAlgorithm(String(declared).toUpperCase());
    this.algorithm = named[0] ?? trailing ?? asked ?? fallback;
    this.#inTrailer = named.length === 0 && trailing !== undefined;
    this.#value = named[0] && String(headers[checksumHeaders[named[0]]]);
    if (this.#value !== undefined) requireForm(this.algorithm as ChecksumAlgorithm, this.#value);
    const md5 = headers["content-md5"];
    this.#md5 = md5 === undefined ? undefined : String(md5);
    if (this.#md5 !== undefined && !isBase64(this.#md5, 16)) {
      throw new ServiceError("InvalidDigest", "The Content-MD5 you specified was invalid.", { status: 400 });
    }
  }

  /** Digests to compute over the body. MD5 always: it is the ETag. */
  get digests(): DigestAlgorithm[] {
    return this.algorithm ? ["MD5", this.algorithm] : ["MD5"];
  }

  /**
   * Compares the claim with what the body had.
   * @returns The checksum to store.
   * @throws ServiceError `BadDigest`, `InvalidRequest` (a promised trailer did not come).
   */
  verify(digests: Digests, trailers: Readonly<Record<string, string>>): StoredChecksum | undefined {
    if (this.#md5 !== undefined && this.#md5 !== digests.MD5) {
      throw badDigest("The Content-MD5 you specified did not match what we received.");
    }
    if (!this.algorithm) return undefined;
    const computed = digests[this.algorithm] as string;
    const claimed = this.#inTrailer ? trailers[checksumHeaders[this.algorithm]] : this.#value;
    if (this.#inTrailer && claimed === undefined) {
      throw invalidRequest("The trailing checksum that the x-amz-trailer header names is missing.");
    }
    if (claimed !== undefined && claimed !== computed) {
      requireForm(this.algorithm, claimed);
      throw badDigest(`The ${this.algorithm} you specified did not match the calculated checksum.`);
    }
    return { algorithm: this.algorithm, value: computed, type: "FULL_OBJECT" };
  }
}

/** @throws ServiceError `InvalidRequest` for an algorithm that S3 does not have. */
export function requireAlgorithm(name: string): ChecksumAlgorithm {
  const known = algorithms.find((algorithm) => algorithm === name);
  if (known) return known;
  throw invalidRequest(
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3, XXHASH128]",
  );
}

export function badDigest(message: string): ServiceError {
  return new ServiceError("BadDigest", message, { status: 400 });
}

/** The members of an SDK output that carry a stored checksum. */
export function checksumOutput(checksum: StoredChecksum | undefined): Record<string, string> {
  return checksum ? { [checksumMembers[checksum.algorithm]]: checksum.value, ChecksumType: checksum.type } : {};
}

function requireForm(algorithm: ChecksumAlgorithm, value: string): void {
  if (isBase64(value, digestBytes[algorithm])) return;
  throw invalidRequest(`Value for ${checksumHeaders[algorithm]} header is invalid.`);
}

function isBase64(text: string, bytes: number): boolean {
  const decoded = Buffer.from(text, "base64");
  return decoded.length === bytes && decoded.toString("base64") === text;
}
