import { execFileSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import { readJobFile, type SkippedEntry, walkTree } from "./safe-tree.ts";
import { tarStream } from "./tar.ts";
import { uploadArchive } from "./upload-artifacts.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "artifacts-"));
  await mkdir(join(root, "ml/model"), { recursive: true });
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function write(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(join(root, "ml/model", path)), { recursive: true });
  await writeFile(join(root, "ml/model", path), content);
}

function makePipe(path: string): void {
  const program = "mkfifo";
  execFileSync(program, [path]);
}

async function walked(onSkip?: (entry: SkippedEntry) => void): Promise<string[]> {
  const paths: string[] = [];
  for await (const file of walkTree(join(root, "ml"), ["model"], onSkip)) paths.push(file.path);
  return paths;
}

test("tar reads what was packed: any names, sizes and depths", async () => {
  const segment = fc.stringMatching(/^[a-z0-9 é漢-]{1,60}$/).filter((name) => !name.startsWith("-"));
  const files = fc.uniqueArray(
    fc.record({ path: fc.array(segment, { minLength: 1, maxLength: 5 }), content: fc.uint8Array({ maxLength: 2000 }) }),
    // A path that begins another would be a file and a folder at once.
    { selector: ({ path }) => path[0], maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(files, async (all) => {
      await rm(join(root, "ml/model"), { recursive: true });
      await mkdir(join(root, "ml/model"));
      for (const { path, content } of all) await write(path.join("/"), Buffer.from(content));
      const archive = join(root, "a.tar");
      await writeFile(archive, await buffer(tarStream(walkTree(join(root, "ml"), ["model"]))));
      const out = join(root, "out");
      await rm(out, { recursive: true, force: true });
      await mkdir(out);
      execFileSync("tar", ["-xf", archive, "-C", out]);
      for (const { path, content } of all) {
        expect(await readFile(join(out, ...path))).toEqual(Buffer.from(content));
      }
    }),
    { numRuns: 25 },
  );
});

test("a walk leaves out links, pipes and sockets, wherever they point", async () => {
  await write("deep/good", "good");
  await symlink("/etc/passwd", join(root, "ml/model/link"));
  await symlink("/etc", join(root, "ml/model/deep/folder"));
  makePipe(join(root, "ml/model/pipe"));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(root, "ml/model/socket"), resolve));
  const skipped: SkippedEntry[] = [];
  expect(await walked((entry) => skipped.push(entry))).toEqual(["deep/good"]);
  server.close();
  expect(skipped).toEqual([
    { path: "deep/folder", why: "link" },
    { path: "link", why: "link" },
    { path: "pipe", why: "special" },
    { path: "socket", why: "special" },
  ]);
});

test("the folder itself may not be a link either", async () => {
  await rm(join(root, "ml/model"), { recursive: true });
  await symlink("/etc", join(root, "ml/model"));
  const skipped: SkippedEntry[] = [];
  expect(await walked((entry) => skipped.push(entry))).toEqual([]);
  expect(skipped).toEqual([{ path: "", why: "link" }]);
});

test.runIf(process.platform === "linux")("a folder swapped for a link during the walk is not followed", async () => {
  await write("a", "first");
  await write("folder/inside", "mine");
  await mkdir(join(root, "secret"));
  await writeFile(join(root, "secret/inside"), "not mine");
  const contents: string[] = [];
  for await (const file of walkTree(join(root, "ml"), ["model"])) {
    if (file.path === "a") {
      await rename(join(root, "ml/model/folder"), join(root, "ml/elsewhere"));
      await symlink(join(root, "secret"), join(root, "ml/model/folder"));
      continue;
    }
    const handle = await file.open();
    contents.push(await handle.readFile("utf8"));
    await handle.close();
  }
  expect(contents).toEqual([]);
});

test.runIf(process.platform === "linux")("an upload that is refused leaves no file open", async () => {
  await write("deep/a", "a".repeat(100_000));
  await write("deep/b", "b");
  const objects = {
    async put(_bucket: string, key: string, body: AsyncIterable<Uint8Array>) {
      // Refused before the first byte, or in the middle.
      if (key === "middle") for await (const _ of body) break;
      throw new Error("refused");
    },
  } as unknown as ObjectCatalogue;
  const open = () => readdirSync("/proc/self/fd").filter((fd) => target(fd).startsWith(root)).length;
  for (const key of ["at once", "middle"]) {
    const upload = {
      ...{ objects, roots: [join(root, "ml")], segments: ["model"], bucket: "b" },
      ...{ onSkip: () => {}, onClash: () => {} },
    };
    await expect(uploadArchive(upload, key, true)).rejects.toThrow("refused");
    await expect.poll(open).toBe(0);
  }
});

function target(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The descriptor of the listing itself is closed by now.
    return "";
  }
}

test("a tree that is not there has no files", async () => {
  await rm(join(root, "ml"), { recursive: true });
  expect(await walked()).toEqual([]);
});

test("a job's file is read up to a limit, and only when it is a plain file", async () => {
  await write("failure", "0123456789");
  await symlink("/etc/passwd", join(root, "ml/model/link"));
  makePipe(join(root, "ml/model/pipe"));
  const read = async (name: string) => (await readJobFile(join(root, "ml"), ["model", name], 4))?.toString();
  expect(await read("failure")).toBe("0123");
  expect(await read("link")).toBeUndefined();
  expect(await read("pipe")).toBeUndefined();
  expect(await read("nothing")).toBeUndefined();
});
