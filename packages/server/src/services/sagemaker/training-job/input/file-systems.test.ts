import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { locateFileSystem } from "./file-systems.ts";

let root: string;
beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "sagebrush-file-system-")));
  await mkdir(join(root, "shared/data/train"), { recursive: true });
  await mkdir(join(root, "outside"));
  await writeFile(join(root, "shared/data/file"), "");
  await symlink("data/train", join(root, "shared/inside"));
  await symlink(join(root, "outside"), join(root, "shared/outside"));
  await symlink("..", join(root, "shared/up"));
  await symlink(join(root, "shared"), join(root, "alias"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

type FileSystemType = "EFS" | "FSxLustre";
const id = "fs-0123456789abcdef0";
const locate = (DirectoryPath: string, FileSystemType: FileSystemType = "EFS", FileSystemId = id) =>
  locateFileSystem(
    { FileSystemId, DirectoryPath, FileSystemType, FileSystemAccessMode: "ro" },
    { [id]: join(root, "alias"), "fs-00000000": join(root, "nowhere") },
  );

test.for<[string, string, FileSystemType, string]>([
  ["the whole of it", "/", "EFS", ""],
  ["a directory", "/data/train", "EFS", "data/train"],
  ["slashes too many", "//data//train/", "EFS", "data/train"],
  ["a link that stays inside", "/inside", "EFS", "data/train"],
  ["Lustre's mount name, left out", "/fsx/data", "FSxLustre", "data"],
  ["Lustre's mount name alone", "/fsx", "FSxLustre", ""],
])("%s is found", async ([, path, type, expected]) => {
  expect(await locate(path, type)).toEqual({ root: join(root, "shared"), path: expected });
});

test.for<[string, string, string]>([
  ["a link to elsewhere", "/outside", "leads out of the file system by a link"],
  ["a link upwards", "/up", "leads out of the file system by a link"],
  ["steps upwards", "/data/../../outside", "must not lead out of the file system"],
  ["what is not there", "/nothing", "is no directory there"],
  ["a file", "/data/file", "is no directory there"],
  ["a relative path", "data", "must begin with a slash"],
  ["a NUL character", "/data\0", "must not lead out"],
])("%s is refused", async ([, path, message]) => {
  await expect(locate(path)).rejects.toThrow(message);
});

test("an unknown id is told with those that are known", async () => {
  await expect(locate("/", "EFS", "fs-ffffffff")).rejects.toThrow(
    `FileSystemId "fs-ffffffff" is not configured: ${id}, fs-00000000 are (setting file-system).`,
  );
  await expect(locate("/", "EFS", "toString")).rejects.toThrow("is not configured");
  await expect(locate("/", "EFS", "fs-00000000")).rejects.toThrow("cannot be read on this host");
});
