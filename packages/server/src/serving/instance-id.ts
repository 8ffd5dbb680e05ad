import { createHash } from "node:crypto";

/** `i-` and 17 hexadecimal digits, as instances are called in log streams and metrics. */
export function instanceIdOf(runId: string): string {
  return `i-${createHash("sha256").update(runId).digest("hex").slice(0, 17)}`;
}
