import type { ChecksumAlgorithm } from "../object-records.ts";

/** Algorithms whose value for a whole object follows from the values of its parts. */
export type Crc = Extract<ChecksumAlgorithm, "CRC32" | "CRC32C" | "CRC64NVME">;

/** Width in bits, and the polynomial reflected. */
const parameters: Record<Crc, { width: bigint; polynomial: bigint }> = {
  CRC32: { width: 32n, polynomial: 0xedb88320n },
  CRC32C: { width: 32n, polynomial: 0x82f63b78n },
  CRC64NVME: { width: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
};

/**
 * The checksum of `first` followed by `second` from the two checksums and the second's length, without the bytes.
 *
 * A CRC is the remainder of a polynomial, so appending n bytes multiplies the first remainder by x^(8n) and adds the
 * second. The ones that CRCs begin and end with cancel out (zlib's `crc32_combine` states the argument).
 * @param first - Big-endian checksum bytes.
 */
export function combineCrc(algorithm: Crc, first: Buffer, second: Buffer, secondBytes: number): Buffer {
  const { width, polynomial } = parameters[algorithm];
  const shifted = multiply(toNumber(first), powerOfX(BigInt(secondBytes) * 8n, width, polynomial), width, polynomial);
  const combined = shifted ^ toNumber(second);
  return Buffer.from(combined.toString(16).padStart(Number(width) / 4, "0"), "hex");
}

function toNumber(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex")}`);
}

/** a * b modulo the polynomial, reflected: the top bit is x^0. */
function multiply(a: bigint, b: bigint, width: bigint, polynomial: bigint): bigint {
  let product = 0n;
  let term = b;
  for (let bit = width - 1n; bit >= 0n; bit--) {
    if ((a >> bit) & 1n) product ^= term;
    term = term & 1n ? (term >> 1n) ^ polynomial : term >> 1n;
  }
  return product;
}

/** x^n modulo the polynomial by repeated squaring. */
function powerOfX(n: bigint, width: bigint, polynomial: bigint): bigint {
  let result = 1n << (width - 1n);
  let square = 1n << (width - 2n);
  for (let left = n; left > 0n; left >>= 1n) {
    if (left & 1n) result = multiply(result, square, width, polynomial);
    square = multiply(square, square, width, polynomial);
  }
  return result;
}
