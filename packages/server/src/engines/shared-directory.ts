import { realpath } from "node:fs/promises";
import { join } from "node:path";
import type { Mount } from "./engine.ts";

/**
 * The host path of a mount, for engines that can only name it.
 * @throws Error when a link is on the way that was not there when the mount was asked for.
 */
export async function sharedDirectory({ root, path }: Mount): Promise<string> {
  const place = join(root, path);
  if ((await realpath(place)) !== place) throw new Error(`${path} leads out of ${root}`);
  return place;
}
