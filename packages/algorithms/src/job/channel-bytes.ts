import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Channel } from "./channels.ts";

/** Size of a channel's files, 0 where they cannot be seen; a stream may have any. */
export function channelBytes({ directory }: Channel): number {
  if (directory === undefined) return Infinity;
  if (!existsSync(directory)) return 0;
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((path) => statSync(join(directory, path)))
    .reduce((sum, status) => sum + (status.isFile() ? status.size : 0), 0);
}
