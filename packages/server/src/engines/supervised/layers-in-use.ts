import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodePlan } from "./plan.ts";
import { engineFolders } from "./run-folder.ts";

/** Folders of unpacked layers that runs lie on, whether they go on or have not been removed yet. */
export async function layersInUse(engineDirectory: string): Promise<Set<string>> {
  const { runs } = engineFolders(engineDirectory);
  const used = new Set<string>();
  for (const id of await readdir(runs).catch(() => [])) {
    const plan = await readFile(join(runs, id, "plan")).catch(() => undefined); // not written yet, or removed meanwhile
    if (!plan?.includes("\0layers\0")) continue;
    for (const step of decodePlan(plan).steps) if (step[0] === "layer") used.add(step[1]);
  }
  return used;
}
