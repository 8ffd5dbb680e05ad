import { parentPort, workerData } from "node:worker_threads";
import { MetricDatabase, type MetricTask } from "./metric-database.ts";
import { openMetricTables } from "./metric-tables.ts";

// The metric thread: waits for the disk and for other people's regular expressions, so that the thread that answers
// requests never does.
const database = new MetricDatabase(openMetricTables(workerData as string));

parentPort?.on("message", (tasks: readonly MetricTask[] | "close") => {
  if (tasks === "close") {
    database.close();
    parentPort?.close();
    return;
  }
  try {
    parentPort?.postMessage({ results: database.run(tasks) });
  } catch (error) {
    parentPort?.postMessage({ error });
  }
});
