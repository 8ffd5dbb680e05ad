import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { workerFile } from "../../job/build-files.ts";
import type { XGBoostLibrary } from "../library/library.ts";

/** Where the hosts of the library's collective find each other. */
interface Tracker {
  readonly port: number;
  close(): Promise<void>;
}

/** After the last host has parted there is nothing to wait for. */
const closeSeconds = 60;

/** Starts the library's own tracker, or before 2.1, where it is a Python program, ours. */
export async function startTracker(library: XGBoostLibrary, address: string, members: number): Promise<Tracker> {
  if (!library.isFrom(2, 1)) return await startOwn(address, members);
  const settings = { dmlc_communicator: "rabit", host: address, n_workers: members, port: 0, sortby: 1, timeout: 0 };
  const create = "int XGTrackerCreate(const char* config, _Out_ void** out)";
  const handle = library.create(create, JSON.stringify(settings));
  library.call("int XGTrackerRun(void* h, const char* config)", handle, "{}");
  const described: string[] = [""];
  library.call("int XGTrackerWorkerArgs(void* h, _Out_ const char** out)", handle, described);
  const { dmlc_tracker_port: port } = JSON.parse(described[0] ?? "{}") as { dmlc_tracker_port: number };
  return {
    port: Number(port),
    close: async () => {
      library.call("int XGTrackerWaitFor(void* h, const char* config)", handle, `{"timeout":${closeSeconds}}`);
      library.call("int XGTrackerFree(void* h)", handle);
    },
  };
}

/** On a thread of its own: while hosts meet, the library blocks the main one. */
async function startOwn(address: string, members: number): Promise<Tracker> {
  const worker = new Worker(workerFile(import.meta.url, "rabit-tracker.worker"), { workerData: { address, members } });
  const [port] = (await once(worker, "message")) as [number];
  return { port, close: async () => void (await worker.terminate()) };
}
