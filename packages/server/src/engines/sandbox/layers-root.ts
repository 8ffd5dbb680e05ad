import { readdir } from "node:fs/promises";
import type { LayersRoot, RunSpec } from "../engine.ts";
import type { SetupStep } from "../supervised/plan.ts";

/**
 * Steps that show a container image's files under a private layer. What is mounted into it lies on folders of that layer:
 * they hide whatever links the image has at their place.
 * @param work - A folder of the run's own: the private layer, and what the overlay needs.
 */
export function layersRoot(root: LayersRoot, work: string, hostname: string): SetupStep[] {
  return [
    ["layers", work],
    ...root.layers.toReversed().map((folder) => ["layer", folder] as const),
    ...["/proc", "/dev", "/etc", "/opt/ml"].map((path) => ["dir", path, "755"] as const),
    ["dir", "/tmp", "1777"],
    ["file", "/etc/hostname", `${hostname}\n`],
  ];
}

/** Folders of /opt/ml that a run has of its own, or that something is mounted on, hide the image's. */
export async function shownMlFolders(root: LayersRoot, spec: RunSpec): Promise<SetupStep[]> {
  const own = new Set(await readdir(spec.mlDirectory));
  for (const { target } of spec.channels) own.add(target.split("/")[3] ?? "");
  return root.mlFolders.filter((name) => !own.has(name)).map((name) => ["shown", `/opt/ml/${name}`] as const);
}
