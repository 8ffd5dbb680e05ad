import { parentPort } from "node:worker_threads";
import { type DigestAlgorithm, DigestSet } from "./digest-set.ts";
import { loadXxHash } from "./xxhash.ts";

/** What the main thread asks of the digest worker. Blocks are shared memory, so no byte is copied. */
export type DigestRequest =
  | { readonly op: "open"; readonly stream: number; readonly algorithms: readonly DigestAlgorithm[] }
  | { readonly op: "update"; readonly stream: number; readonly block: Uint8Array; readonly ticket: number }
  | { readonly op: "end"; readonly stream: number; readonly ticket: number }
  | { readonly op: "abandon"; readonly stream: number };

const open = new Map<number, DigestSet>();

// One after the other: what follows an `open` waits for the kernels that it loads.
let turn = Promise.resolve();
parentPort?.on("message", (request: DigestRequest) => {
  turn = turn.then(() => answer(request));
});

async function answer(request: DigestRequest): Promise<void> {
  switch (request.op) {
    case "open":
      await loadXxHash(request.algorithms);
      open.set(request.stream, new DigestSet(request.algorithms));
      return;
    case "update":
      open.get(request.stream)?.update(request.block);
      parentPort?.postMessage({ ticket: request.ticket });
      return;
    case "end":
      parentPort?.postMessage({ ticket: request.ticket, digests: open.get(request.stream)?.end() });
      open.delete(request.stream);
      return;
    case "abandon":
      open.delete(request.stream);
      return;
  }
}
