import { lstatSync } from "node:fs";
import { askTreeThread } from "./tree-thread.ts";

/**
 * Deletes a tree whatever modes a run gave its folders (overlayfs leaves one of mode 0000 itself). Links are deleted,
 * never followed; nothing there is no error.
 */
export async function removeTree(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })) await askTreeThread({ remove: path });
}
