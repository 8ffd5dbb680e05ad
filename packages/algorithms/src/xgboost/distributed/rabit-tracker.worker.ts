import { parentPort, workerData } from "node:worker_threads";
import { RabitTracker } from "./rabit-tracker.ts";

const { address, members } = workerData as { address: string; members: number };
parentPort?.postMessage(await new RabitTracker(members).listen(address));
