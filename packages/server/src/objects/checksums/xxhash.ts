import type { IHasher } from "hash-wasm";
import { invariant } from "../../errors.ts";
import type { ChecksumAlgorithm } from "../object-records.ts";

/** Checksums of the xxHash family, seed 0, in big-endian bytes as its specification prints them. */
export type XxHash = Extract<ChecksumAlgorithm, `XXHASH${string}`>;

let kernels: Readonly<Record<XxHash, IHasher>> | undefined;

/** Loads the WebAssembly kernels when one of the algorithms needs them: most servers never see one. */
export async function loadXxHash(algorithms: readonly ChecksumAlgorithm[]): Promise<void> {
  if (kernels || !algorithms.some((name) => name.startsWith("XXHASH"))) return;
  const { createXXHash64, createXXHash3, createXXHash128 } = await import("hash-wasm");
  kernels = { XXHASH64: await createXXHash64(), XXHASH3: await createXXHash3(), XXHASH128: await createXXHash128() };
}

/** Begins one digest. Digests of one kind share a kernel, so each keeps its state between updates. */
export function xxHash(algorithm: XxHash) {
  const kernel = kernels?.[algorithm];
  invariant(kernel, "loadXxHash ran before");
  let state = kernel.init().save();
  return {
    update(bytes: Uint8Array): void {
      kernel.load(state);
      state = kernel.update(bytes).save();
    },
    end(): Buffer {
      return Buffer.from(kernel.load(state).digest("binary"));
    },
  };
}
