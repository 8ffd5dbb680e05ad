import { execFile } from "node:child_process";
import type { Supervisor } from "../supervised/supervisor.ts";

/**
 * Lets the native supervisor do one thing for a container: `channels PLAN`, `unmount FOLDER`, `relay PLAN`.
 * @returns Why it could not, or undefined.
 */
export function runSupervisor(supervisor: Supervisor, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(supervisor.program, args, { env: {}, cwd: "/" }, (error, output) => {
      const said = output.trim();
      if (error !== null) resolve(said || error.message);
      else resolve(said === "" || said === "ok" ? undefined : said);
    });
  });
}
