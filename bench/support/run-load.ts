import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { LoadOrder, LoadResult } from "./load-client.ts";

const execute = promisify(execFile);
const client = join(import.meta.dirname, "load-client.ts");

/**
 * One burst of load from a process of its own. @param cores - As taskset takes them; all where absent.
 * @throws When a request failed.
 */
export async function runLoad(who: string, order: LoadOrder, cores?: string): Promise<LoadResult> {
  const command = [process.execPath, client, JSON.stringify(order)];
  const [file = "", ...args] = cores === undefined ? command : ["taskset", "-c", cores, ...command];
  const { stdout } = await execute(file, args);
  const result = JSON.parse(stdout) as LoadResult;
  if (result.failures > 0) throw new Error(`${who}: ${result.failures} requests failed`);
  return result;
}
