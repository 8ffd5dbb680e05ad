import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type TarMember, tarGzOf, tarOf } from "../testkit/tar-builder.ts";
import { type ExtractLimits, extractModelArchive } from "./extract.ts";

let root: string;
let target: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "extract-"));
  target = join(root, "target");
  await mkdir(target);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const small: ExtractLimits = { maxBytes: 1024 * 1024, maxEntries: 10, maxRatio: 20, ratioFreeBytes: 1024 };
const extract = (bytes: Buffer, limits?: ExtractLimits) =>
  extractModelArchive(Readable.from([bytes], { objectMode: false }), target, limits);

test("files come out with their contents, read-only, in their folders", async () => {
  const files = await extract(
    tarGzOf([
      { path: "./", flag: "5" },
      { path: "./model.json", content: "{}" },
      { path: "code/inference.py", content: "print()", mode: 0o755 },
      { path: "empty" },
    ]),
  );
  expect(files).toEqual([
    { path: "model.json", sizeBytes: 2 },
    { path: "code/inference.py", sizeBytes: 7 },
    { path: "empty", sizeBytes: 0 },
  ]);
  expect(await readFile(join(target, "code/inference.py"), "utf8")).toBe("print()");
  expect((await stat(join(target, "model.json"))).mode & 0o777).toBe(0o444);
  expect((await stat(join(target, "code/inference.py"))).mode & 0o777).toBe(0o555);
});

test.for(["gnu", "ustar", "pax", "v7"])("reads what tar writes in format %s", async (format) => {
  const source = join(root, "source");
  const long = format === "gnu" || format === "pax" ? `${"deep/".repeat(30)}` : "deep/";
  await mkdir(join(source, long), { recursive: true });
  const content = randomBytes(100_000);
  await writeFile(join(source, long, "weights"), content);
  const archive = join(root, "model.tar.gz");
  execFileSync("tar", ["--format", format, "-czf", archive, "-C", source, "."]);
  const files = await extract(await readFile(archive));
  expect(files).toEqual([{ path: `${long}weights`, sizeBytes: content.length }]);
  expect(await readFile(join(target, long, "weights"))).toEqual(content);
});

const hostile: [string, readonly TarMember[], RegExp][] = [
  ["a path that climbs out", [{ path: "../escaped", content: "x" }], /"\.\.\/escaped" points out of the archive/],
  ["a path that climbs out later", [{ path: "a/../../escaped", content: "x" }], /points out of the archive/],
  ["an absolute path", [{ path: "/escaped", content: "x" }], /"\/escaped" is an absolute path/],
  ["a symbolic link", [{ path: "model", flag: "2", linkTo: "/etc/passwd" }], /holds a link \("model"\)/],
  [
    "a link to write through",
    [
      { path: "d", flag: "2", linkTo: ".." },
      { path: "d/escaped", content: "x" },
    ],
    /holds a link/,
  ],
  ["a hard link", [{ path: "model", flag: "1", linkTo: "/etc/passwd" }], /holds a link/],
  ["a device", [{ path: "null", flag: "3" }], /neither a file nor a folder/],
  [
    "a file twice",
    [
      { path: "a", content: "1" },
      { path: "./a", content: "2" },
    ],
    /"a" appears twice/,
  ],
  [
    "a file that is also a folder",
    [
      { path: "a", content: "1" },
      { path: "a/b", content: "2" },
    ],
    /"a" appears twice/,
  ],
  [
    "a name that no disk takes",
    [
      { path: `x/${"n".repeat(90)}`, content: "" },
      { path: "a", size: 2 ** 32 },
    ],
    /more than 1048576 bytes/,
  ],
  ["too many entries", Array.from({ length: 11 }, (_, n) => ({ path: `f${n}` })), /more than 10 entries/],
  ["zeros without end", [{ path: "zeros", content: Buffer.alloc(512 * 1024) }], /more than 20 times its size/],
];
test.for(hostile)("refuses %s", async ([, members, reason]) => {
  await expect(extract(tarGzOf(members), small)).rejects.toMatchObject({ name: "ArchiveRefused", message: reason });
  expect(existsSync(join(root, "escaped"))).toBe(false);
});

test.for<[string, Buffer, RegExp]>([
  ["plain text", Buffer.from("not an archive"), /not gzip-compressed/],
  ["a tar that is not compressed", tarOf([{ path: "a", content: "x" }]), /not gzip-compressed/],
  ["gzip of something else", gzipSync(randomBytes(2048)), /not a tar archive/],
  ["an empty object", Buffer.alloc(0), /truncated|empty/],
  ["an archive of nothing", gzipSync(Buffer.alloc(0)), /empty/],
  ["damaged bytes", flipped(tarGzOf([{ path: "a", content: randomBytes(4096) }])), /damaged|truncated|not a tar/],
])("refuses %s", async ([, bytes, reason]) => {
  await expect(extract(bytes)).rejects.toMatchObject({ name: "ArchiveRefused", message: reason });
});

test("an archive cut anywhere is refused, never taken for whole", async () => {
  const whole = tarGzOf([
    { path: "a", content: randomBytes(700) },
    { path: "b/c", content: randomBytes(1500) },
  ]);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), async (length) => {
      await rm(target, { recursive: true, force: true });
      await mkdir(target);
      await expect(extract(whole.subarray(0, length))).rejects.toMatchObject({ name: "ArchiveRefused" });
    }),
    { numRuns: 60 },
  );
});

test("any tree of files comes back as it was", async () => {
  const segment = fc.stringMatching(/^[a-zA-Z0-9_ .é-]{1,12}$/u).filter((name) => !/^\.+$/u.test(name));
  const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const trees = fc.dictionary(path, fc.uint8Array({ maxLength: 1500 }), { minKeys: 1, maxKeys: 8 });
  await fc.assert(
    fc.asyncProperty(trees.filter(isTree), async (tree) => {
      await rm(target, { recursive: true, force: true });
      await mkdir(target);
      const members = Object.entries(tree).map(([name, bytes]) => ({ path: name, content: Buffer.from(bytes) }));
      const files = await extract(tarGzOf(members));
      expect(files.map(({ path: name }) => name)).toEqual(Object.keys(tree));
      for (const [name, bytes] of Object.entries(tree)) {
        expect(new Uint8Array(await readFile(join(target, name)))).toEqual(bytes);
      }
    }),
    { numRuns: 40 },
  );
});

test("a source that fails is not the archive's fault", async () => {
  const failing = new Readable({ read: () => undefined });
  const extracted = extractModelArchive(failing, target);
  failing.destroy(new Error("disk on fire"));
  await expect(extracted).rejects.toThrow("disk on fire");
  await expect(extracted).rejects.not.toMatchObject({ name: "ArchiveRefused" });
});

/** No path is a folder of another. */
function isTree(tree: Record<string, Uint8Array>): boolean {
  const paths = Object.keys(tree);
  return paths.every((a) => paths.every((b) => !b.startsWith(`${a}/`)));
}

function flipped(bytes: Buffer): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[Math.floor(bytes.length / 2)] = (damaged[Math.floor(bytes.length / 2)] as number) ^ 0xff;
  return damaged;
}
