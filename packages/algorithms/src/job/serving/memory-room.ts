import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Of the memory that a server may have, this share is for models; the rest is for requests. */
const share = 0.8;

/**
 * Says whether a process that holds many models may load another one.
 * @param limitBytes - What it may have; no limit where absent.
 */
export function memoryRoom(limitBytes: number | undefined): () => boolean {
  if (limitBytes === undefined) return () => true;
  const most = limitBytes * share;
  let collect: (() => void) | undefined;
  return () => {
    if (process.memoryUsage.rss() <= most) return true;
    // What was unloaded is still there until somebody looks, and nobody has had a reason to.
    collect ??= collector();
    collect();
    return process.memoryUsage.rss() <= most;
  };
}

function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
