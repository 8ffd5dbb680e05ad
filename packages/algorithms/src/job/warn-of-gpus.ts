import type { ResourceConfig } from "./algorithm.ts";
import type { JobLog } from "./job-log.ts";

/** Says, on an instance type that has GPUs on the service, that an algorithm does not use any. */
export function warnOfGpus(log: JobLog, { instanceType = "" }: ResourceConfig): void {
  if (!/^ml\.(p\d|g\d)/.test(instanceType)) return;
  log.warning(`${instanceType} has GPUs on the service; here training runs on the CPU.`);
}
