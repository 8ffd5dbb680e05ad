import { lstat } from "node:fs/promises";

/**
 * Refuses a folder that others can write to: the sockets' folder may lie in the system's temporary folder, where anyone
 * can make one of the same name.
 */
export async function mustBeOurs(folder: string): Promise<void> {
  const about = await lstat(folder);
  const ours = about.isDirectory() && about.uid === (process.geteuid?.() ?? about.uid) && (about.mode & 0o077) === 0;
  if (!ours) throw new Error(`${folder} must be a folder of the server's own user with mode 0700; remove it`);
}
