import { join } from "node:path";
import type { DataDirectory } from "../../../data-directory.ts";
import { removeTree } from "../../../remove-tree.ts";
import { runFolders } from "../run-folders.ts";
import { Feeder } from "./feeder/feeder.ts";
import { feederFolder } from "./run-places.ts";

/** Ends what feeds a run, and removes what it left on the host: its /opt/ml. The log stays. */
export async function removeRunFolder(dataDirectory: DataDirectory, runId: string): Promise<void> {
  await new Feeder(feederFolder(dataDirectory, runId)).end();
  for (const folder of runFolders(dataDirectory)) await removeTree(join(folder, runId));
}
