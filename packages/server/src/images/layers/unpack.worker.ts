import { parentPort, workerData } from "node:worker_threads";
import { InvalidLayer } from "./layer-tree.ts";
import { type LayerLimits, unpackLayer } from "./unpack-layer.ts";

/** Bytes in, one acknowledgement a chunk out, and at last what was unpacked or what is wrong. */
const { directory, limits } = workerData as { directory: string; limits: LayerLimits };
const port = parentPort as NonNullable<typeof parentPort>;
const waiting: (Uint8Array | undefined)[] = [];
let wake: (() => void) | undefined;
port.on("message", (chunk: Uint8Array | null) => {
  waiting.push(chunk ?? undefined);
  wake?.();
});

async function* chunks(): AsyncGenerator<Buffer> {
  for (;;) {
    while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    const chunk = waiting.shift();
    if (!chunk) return;
    yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    port.postMessage("taken");
  }
}

try {
  port.postMessage({ unpacked: await unpackLayer(chunks(), directory, limits) });
} catch (error) {
  port.postMessage({ failed: (error as Error).message, isInvalid: error instanceof InvalidLayer });
}
port.close();
