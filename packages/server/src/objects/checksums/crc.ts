/**
 * Cyclic redundancy checks that Node does not compute itself: CRC-32C (RFC 3720, Castagnoli) and CRC-64/NVME (NVM
 * Express base specification, the checksum that S3 recommends). Both reflected, all ones in and out, computed eight
 * bytes at a time ("slicing by eight": Kounavis and Berry, 2005).
 */

const CRC32C_POLYNOMIAL = 0x82f63b78;
/** 0xad93d23594c93659 reflected, in halves. */
const CRC64_HIGH = 0x9a6c9329;
const CRC64_LOW = 0xac4bc9b5;

let tables32: Uint32Array | undefined;
let tables64: { readonly high: Uint32Array; readonly low: Uint32Array } | undefined;

/** Continues a CRC-32C. @param seed - The value so far; 0 to begin. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  tables32 ??= makeTables32(CRC32C_POLYNOMIAL);
  const t = tables32;
  let crc = ~seed >>> 0;
  let i = 0;
  const whole = bytes.length - (bytes.length % 8);
  for (; i < whole; i += 8) {
    const low =
      crc ^
      ((bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24));
    crc =
      (t[1792 + (low & 255)] as number) ^
      (t[1536 + ((low >>> 8) & 255)] as number) ^
      (t[1280 + ((low >>> 16) & 255)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (bytes[i + 4] as number)] as number) ^
      (t[512 + (bytes[i + 5] as number)] as number) ^
      (t[256 + (bytes[i + 6] as number)] as number) ^
      (t[bytes[i + 7] as number] as number);
  }
  for (; i < bytes.length; i++) crc = (t[(crc ^ (bytes[i] as number)) & 255] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** A CRC-64 in two halves: numbers hold 53 bits, and BigInt is too slow for a loop over bytes. */
export interface Crc64 {
  readonly high: number;
  readonly low: number;
}

/** Continues a CRC-64/NVME. @param seed - The value so far; zeros to begin. */
export function crc64nvme(bytes: Uint8Array, seed: Crc64 = { high: 0, low: 0 }): Crc64 {
  tables64 ??= makeTables64();
  const { high: h, low: l } = tables64;
  let high = ~seed.high;
  let low = ~seed.low;
  let i = 0;
  const whole = bytes.length - (bytes.length % 8);
  for (; i < whole; i += 8) {
    low ^=
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    high ^=
      (bytes[i + 4] as number) |
      ((bytes[i + 5] as number) << 8) |
      ((bytes[i + 6] as number) << 16) |
      ((bytes[i + 7] as number) << 24);
    const a = 1792 + (low & 255);
    const b = 1536 + ((low >>> 8) & 255);
    const c = 1280 + ((low >>> 16) & 255);
    const d = 1024 + (low >>> 24);
    const e = 768 + (high & 255);
    const f = 512 + ((high >>> 8) & 255);
    const g = 256 + ((high >>> 16) & 255);
    const k = high >>> 24;
    high =
      (h[a] as number) ^
      (h[b] as number) ^
      (h[c] as number) ^
      (h[d] as number) ^
      (h[e] as number) ^
      (h[f] as number) ^
      (h[g] as number) ^
      (h[k] as number);
    low =
      (l[a] as number) ^
      (l[b] as number) ^
      (l[c] as number) ^
      (l[d] as number) ^
      (l[e] as number) ^
      (l[f] as number) ^
      (l[g] as number) ^
      (l[k] as number);
  }
  for (; i < bytes.length; i++) {
    const index = (low ^ (bytes[i] as number)) & 255;
    low = (l[index] as number) ^ ((low >>> 8) | (high << 24));
    high = (h[index] as number) ^ (high >>> 8);
  }
  return { high: ~high >>> 0, low: ~low >>> 0 };
}

function makeTables32(polynomial: number): Uint32Array {
  const tables = new Uint32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    tables[i] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] as number;
    tables[i] = (before >>> 8) ^ (tables[before & 255] as number);
  }
  return tables;
}

function makeTables64(): { high: Uint32Array; low: Uint32Array } {
  const high = new Uint32Array(8 * 256);
  const low = new Uint32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let h = 0;
    let l = i;
    for (let bit = 0; bit < 8; bit++) {
      const odd = l & 1;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (odd) {
        l ^= CRC64_LOW;
        h ^= CRC64_HIGH;
      }
    }
    low[i] = l;
    high[i] = h;
  }
  for (let i = 256; i < low.length; i++) {
    const h = high[i - 256] as number;
    const l = low[i - 256] as number;
    low[i] = ((l >>> 8) | (h << 24)) ^ (low[l & 255] as number);
    high[i] = (h >>> 8) ^ (high[l & 255] as number);
  }
  return { high, low };
}
