import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSmallFile } from "../../small-file.ts";
import type { Channel } from "../engine.ts";
import { usedBytes } from "../used-bytes.ts";

/** In a folder of the engine's: the sizes of a run's channels in bytes, by their numbers. */
const inputsFile = "inputs";

/** In the same folder: where the run writes, when not there. */
const scratchFile = "scratch";

/** Keeps how large the channels of a run are as they are given to it, and where it writes. */
export async function writeInputs(folder: string, channels: readonly Channel[], scratch?: string): Promise<void> {
  const sizes = channels.map(({ files }) => files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  await writeFile(join(folder, inputsFile), sizes.join(" "), { mode: 0o600 });
  if (scratch !== undefined) await writeFile(join(folder, scratchFile), scratch, { mode: 0o600 });
}

/** What {@link writeInputs} kept; nothing where it did not. */
export async function readInputs(folder: string): Promise<number[]> {
  const text = readSmallFile(join(folder, inputsFile)) ?? "";
  return text.split(" ").filter(Boolean).map(Number);
}

/** What a run wrote into the folder that the engine has of it, in bytes, less what was copied for it. */
export async function readDiskUsage(folder: string): Promise<number | undefined> {
  if (!existsSync(join(folder, "plan"))) return undefined;
  const scratch = readSmallFile(join(folder, scratchFile)) ?? folder;
  const trees = [join(scratch, "home"), join(scratch, "root", "upper")];
  let copied = 0;
  for (const [index, inputBytes] of (await readInputs(folder)).entries()) {
    const [upper, copies] = ["upper", "copies"].map((name) => join(scratch, "channels", String(index), name)) as [
      string,
      string,
    ];
    trees.push(upper, copies);
    // Overlays leave what was given where it was. Copies without a folder here are in /opt/ml.
    if (existsSync(copies) || !existsSync(upper)) copied += inputBytes;
  }
  return (await usedBytes(trees)) - copied;
}
