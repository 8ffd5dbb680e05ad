import { Worker } from "node:worker_threads";
import { InvalidLayer } from "./layer-tree.ts";
import type { LayerLimits, UnpackedLayer } from "./unpack-layer.ts";

type Word = "taken" | { readonly unpacked: UnpackedLayer } | { readonly failed: string; readonly isInvalid: boolean };

/** Chunks on their way to the worker. */
const mostUnderWay = 8;

/** `unpackLayer` on a thread of its own: ten thousands of files would hold up every request. */
export async function unpackInWorker(
  source: AsyncIterable<Buffer>,
  directory: string,
  limits: LayerLimits,
): Promise<UnpackedLayer> {
  const worker = new Worker(new URL("unpack.worker.ts", import.meta.url), { workerData: { directory, limits } });
  let underWay = 0;
  let wake: (() => void) | undefined;
  const outcome = new Promise<UnpackedLayer>((resolve, reject) => {
    worker.on("message", (word: Word) => {
      if (word === "taken") {
        underWay--;
        wake?.();
      } else if ("unpacked" in word) resolve(word.unpacked);
      else reject(word.isInvalid ? new InvalidLayer(word.failed) : new Error(word.failed));
    });
    worker.on("error", reject);
    worker.on("exit", () => reject(new Error("the thread that unpacked the layer ended")));
  });
  // Awaited below; until then a failure only ends the feeding.
  let isOver = false;
  outcome
    .catch(() => {})
    .finally(() => {
      isOver = true;
      wake?.();
    });
  try {
    for await (const chunk of source) {
      while (underWay >= mostUnderWay && !isOver) await new Promise<void>((resolve) => (wake = resolve));
      if (isOver) break;
      underWay++;
      worker.postMessage(Uint8Array.from(chunk));
    }
    worker.postMessage(null);
    return await outcome;
  } finally {
    await worker.terminate();
  }
}
