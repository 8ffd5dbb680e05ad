/**
 * Hash of a name in 32 bits (MurmurHash3 by Austin Appleby, the variant for 32-bit machines, seed 0), of the bytes
 * [begin, end).
 */
export function hashBytes(bytes: Uint8Array, begin: number, end: number): number {
  let hash = 0;
  let at = begin;
  for (; at + 4 <= end; at += 4) {
    const block =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    hash ^= mixBlock(block);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = end - 1; i >= at; i--) tail = (tail << 8) | (bytes[i] as number);
  if (end > at) hash ^= mixBlock(tail);
  hash ^= end - begin;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mixBlock(block: number): number {
  const product = Math.imul(block, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}
