import type { Stats } from "node:fs";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Account files are lists of lines; a larger one is none. */
const largestFile = 1024 * 1024;

/** What an image has at a path, looked up in its unpacked layers without following a link. */
async function lookUp(
  layers: readonly string[],
  path: string,
): Promise<{ about: Stats; file: string } | "link" | undefined> {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  for (const layer of layers.toReversed()) {
    let file = layer;
    for (const [at, part] of parts.entries()) {
      file = join(file, part);
      const about = await lstat(file).catch(() => undefined);
      if (about === undefined) break;
      if (about.isSymbolicLink()) return "link";
      // A whiteout, or a file where a folder should be: lower layers do not show here.
      if (about.isCharacterDevice() || (at < parts.length - 1 && !about.isDirectory())) return undefined;
      if (at === parts.length - 1) return { about, file };
    }
  }
  return undefined;
}

/** Whether a working directory must be made. One behind a link is the image's own business. */
export async function lacksFolder(layers: readonly string[], path: string): Promise<boolean> {
  return path !== "/" && (await lookUp(layers, path)) === undefined;
}

/** Names of the folders that an image has in one of its folders. */
export async function foldersIn(layers: readonly string[], path: string): Promise<string[]> {
  const names = new Set<string>();
  for (const layer of layers) {
    const folder = await lookUp([layer], path);
    if (folder === undefined || folder === "link" || !folder.about.isDirectory()) continue;
    for (const name of await readdir(folder.file)) names.add(name);
  }
  const found: string[] = [];
  for (const name of names) {
    const child = await lookUp(layers, `${path}/${name}`);
    if (child !== undefined && child !== "link" && child.about.isDirectory()) found.push(name);
  }
  return found.sort();
}

/** The text of a small file of the image; empty when there is none. */
async function readSmall(layers: readonly string[], path: string): Promise<string> {
  const found = await lookUp(layers, path);
  if (found === undefined || found === "link" || !found.about.isFile() || found.about.size > largestFile) return "";
  return readFile(found.file, "utf8");
}

/** Who a run is, by numbers. */
export interface ImageUser {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

const largestId = 65_535;

/**
 * Finds the user that an image names: `USER` with a name or a number, and a group behind a colon, as Docker reads it.
 * @returns A sentence when there is no such user.
 */
export async function findUser(layers: readonly string[], user: string): Promise<ImageUser | string> {
  const [name = "", group] = (user === "" ? "0" : user).split(":");
  const accounts = lines(await readSmall(layers, "/etc/passwd"));
  const account = accounts.find(([each, , uid]) => each === name || uid === name);
  if (!account && !/^\d+$/.test(name)) return `the image has no user ${name} in its /etc/passwd`;
  const uid = Number(account?.[2] ?? name);
  let gid = Number(account?.[3] ?? 0);
  if (group !== undefined) {
    const found = lines(await readSmall(layers, "/etc/group")).find(([each, , id]) => each === group || id === group);
    if (!found && !/^\d+$/.test(group)) return `the image has no group ${group} in its /etc/group`;
    gid = Number(found?.[2] ?? group);
  }
  if (![uid, gid].every((id) => Number.isInteger(id) && id >= 0 && id <= largestId)) {
    return `the image's user ${user} is not between 0 and ${largestId}`;
  }
  return { uid, gid, home: account?.[5] || "/" };
}

function lines(text: string): string[][] {
  return text.split("\n").map((line) => line.split(":"));
}
