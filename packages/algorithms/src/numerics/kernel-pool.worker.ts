import { parentPort, workerData } from "node:worker_threads";
import type { PoolExports, PoolWork } from "./kernel-pool.ts";

const { module, memory, control, thread, threads }: PoolWork = workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
parentPort?.postMessage("started");
// Commands are numbered from 1, and none is given before every thread has reported itself.
(exports as unknown as PoolExports).serve(control, thread, threads, 0);
