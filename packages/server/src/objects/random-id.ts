import { randomFillSync } from "node:crypto";

/** Random bytes are drawn in advance, 16 KiB at a time: asking for 16 costs more than hashing a small object. */
const pool = Buffer.alloc(16 * 1024);
let used = pool.length;

/** Hex digits of that many random bytes, each given out once. */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const start = used;
  used += bytes;
  return pool.toString("hex", start, used);
}
