import { parentPort, workerData } from "node:worker_threads";
import type { Task } from "./committer.ts";
import { createCommitter } from "./committer.ts";
import { openForWriting } from "./schema.ts";

// The commit thread: waits for the disk, so that the thread that answers requests never does.
const database = openForWriting(workerData as string);
const committer = createCommitter(database);

parentPort?.on("message", (tasks: readonly Task[] | "close") => {
  if (tasks === "close") {
    database.close();
    parentPort?.close();
    return;
  }
  try {
    parentPort?.postMessage({ results: committer.commit(tasks) });
  } catch (error) {
    parentPort?.postMessage({ error });
  }
});
