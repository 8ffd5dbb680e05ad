import { constants } from "node:fs";
import { chmod, chown, copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SetupStep } from "../supervised/plan.ts";

/** Files copied at once, as many as Node has threads for it: 10,000 small ones one after another take three times as long. */
const COPIES_AT_ONCE = 4;

interface Copy {
  readonly source: string;
  readonly target: string;
}

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
  const copies: Copy[] = [];
  let root = "";
  let lastFolder = "";
  for (const step of steps) {
    if (step[0] === "channel") {
      root = sandboxed ? join(step[3], "copies") : step[1];
      await mkdir(root, { recursive: true });
      await own(root);
    } else if (step[0] === "entry") {
      const target = join(root, step[1]);
      const folder = dirname(target);
      if (folder !== lastFolder) await makeFolders(folder, own);
      lastFolder = folder;
      copies.push({ source: step[2], target });
    }
  }
  const queue = copies.values();
  const worker = async () => {
    for (const { source, target } of queue) {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, 0o644);
      await own(target);
    }
  };
  await Promise.all(Array.from({ length: COPIES_AT_ONCE }, worker));
  return copies.length > 0;
}

async function makeFolders(folder: string, own: (path: string) => Promise<void>): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  for (let made = folder; first !== undefined && made.length >= first.length; made = dirname(made)) await own(made);
}
