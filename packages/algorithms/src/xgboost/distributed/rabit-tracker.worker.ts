import { parentPort, workerData } from "node:worker_threads";
import { RabitTracker } from "./rabit-tracker.ts";

const { address, port, members } = workerData as { address: string; port: number; members: number };
await new RabitTracker(members).listen(port, address);
parentPort?.postMessage("listening");
