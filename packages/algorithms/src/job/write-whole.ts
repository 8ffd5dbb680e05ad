import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Writes a file of a model or a checkpoint: visible whole or not at all, and durable before it replaces an earlier one.
 * @param parts - What the file holds, one after the other.
 */
export async function writeWhole(directory: string, name: string, parts: Iterable<string | Uint8Array>): Promise<void> {
  const fresh = join(directory, `.${name}.new`);
  try {
    const file = await open(fresh, "w");
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, join(directory, name));
  } catch (error) {
    await rm(fresh, { force: true }); // a full disk must not keep the half that fitted
    throw error;
  }
}
