import { constants } from "node:fs";
import { chmod, chown, copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SetupStep } from "../supervised/plan.ts";

/**
 * Makes every channel as private copies: clones where the file system shares blocks. In a sandbox they lie in the
 * channel's work folder and are mounted from there, for a plain process at their place.
 * @returns Whether there was anything to copy.
 */
export async function copyChannels(
  steps: readonly SetupStep[],
  uid: number | undefined,
  sandboxed: boolean,
): Promise<boolean> {
  const own = async (path: string) => (uid === undefined ? undefined : chown(path, uid, uid));
  let root = "";
  let copied = false;
  for (const step of steps) {
    if (step[0] === "channel") {
      root = sandboxed ? join(step[3], "copies") : step[1];
      await mkdir(root, { recursive: true });
      await own(root);
    } else if (step[0] === "entry") {
      const target = join(root, step[1]);
      const first = await mkdir(dirname(target), { recursive: true });
      for (let made = dirname(target); first !== undefined && made.length >= first.length; made = dirname(made)) {
        await own(made);
      }
      await copyFile(step[2], target, constants.COPYFILE_FICLONE);
      await chmod(target, 0o644);
      await own(target);
      copied = true;
    }
  }
  return copied;
}
