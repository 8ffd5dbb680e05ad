import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { removeTree } from "./remove-tree.ts";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "sagebrush-remove-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("a tree goes with folders that were closed, and what its links point at stays", async () => {
  const root = folder();
  const tree = join(root, "tree");
  mkdirSync(join(tree, "closed/deeper"), { recursive: true });
  writeFileSync(join(tree, "closed/deeper/file"), "x");
  writeFileSync(join(root, "kept"), "x");
  mkdirSync(join(root, "kept-folder"));
  writeFileSync(join(root, "kept-folder/file"), "x");
  symlinkSync(join(root, "kept"), join(tree, "link"));
  symlinkSync(join(root, "kept-folder"), join(tree, "folder-link"));
  chmodSync(join(tree, "closed/deeper"), 0);
  chmodSync(join(tree, "closed"), 0);
  await removeTree(tree);
  expect(existsSync(tree)).toBe(false);
  expect(existsSync(join(root, "kept"))).toBe(true);
  expect(existsSync(join(root, "kept-folder/file"))).toBe(true);
});

test("nothing there is no error, a file goes as well, and many at once are all answered", async () => {
  const root = folder();
  writeFileSync(join(root, "file"), "x");
  const trees = Array.from({ length: 50 }, (_, n) => join(root, String(n)));
  for (const tree of trees) mkdirSync(join(tree, "a/b"), { recursive: true });
  await Promise.all([removeTree(join(root, "never")), removeTree(join(root, "file")), ...trees.map(removeTree)]);
  expect([join(root, "file"), ...trees].filter((path) => existsSync(path))).toEqual([]);
});

test("what cannot be removed is told with the system's code", async () => {
  await expect(removeTree("/proc/self")).rejects.toMatchObject({ code: expect.stringMatching(/^E/) });
});
