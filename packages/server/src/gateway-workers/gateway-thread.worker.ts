import { parentPort, workerData } from "node:worker_threads";
import { invariant } from "../errors.ts";
import { runGatewayWorker } from "./gateway-worker.ts";
import type { WorkerOrder } from "./messages.ts";

invariant(parentPort, "a gateway worker is a thread");
await runGatewayWorker(workerData as WorkerOrder, parentPort);
