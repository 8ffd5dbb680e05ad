/** A piece of memory that the event loop, the disk's threads and the digest thread read at the same time. */
export type Block = Uint8Array<SharedArrayBuffer>;

export const BLOCK_BYTES = 1024 * 1024;

/** Blocks kept for the next upload: fresh shared memory costs page faults and garbage collections. */
const KEPT = 8;

const free: Block[] = [];

/** A block, with whatever the last user left in it. */
export function takeBlock(): Block {
  return free.pop() ?? new Uint8Array(new SharedArrayBuffer(BLOCK_BYTES));
}

/** Gives a block back that nothing reads or writes any more. */
export function returnBlock(block: Block): void {
  if (free.length < KEPT) free.push(block);
}
