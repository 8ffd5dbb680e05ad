import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { requirements, where } from "../../engines/requirements.ts";
import { type TarMember, tarOf } from "../../serving/testkit/tar-builder.ts";
import { LayerCache } from "./layer-cache.ts";
import { InvalidLayer, LayerTree } from "./layer-tree.ts";
import { findUser, foldersIn, lacksFolder } from "./look-up.ts";
import { unpackLayer } from "./unpack-layer.ts";

let folder: string;
let tree: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-layer-"));
  tree = join(folder, "tree");
  mkdirSync(tree);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const limits = { mostBytes: 1_000_000, mostMembers: 100, spareBytes: 0 };

async function* inPieces(bytes: Buffer, size = 1000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const unpack = (members: readonly TarMember[], changes: Partial<typeof limits> = {}) =>
  unpackLayer(inPieces(tarOf(members)), tree, { ...limits, ...changes });
const read = (path: string) => readFileSync(join(tree, path), "utf8");
const link = (path: string, linkTo: string): TarMember => ({ path, flag: "2", linkTo });

test.for([
  ["plain", (bytes: Buffer) => bytes],
  ["gzip", (bytes: Buffer) => gzipSync(bytes)],
  [
    "gzip in two members",
    (bytes: Buffer) => Buffer.concat([gzipSync(bytes.subarray(0, 700)), gzipSync(bytes.subarray(700))]),
  ],
  ["zstd", (bytes: Buffer) => zstdCompressSync(bytes)],
] as const)("files, folders and links of a %s layer", async ([, pack]) => {
  const layer = tarOf([
    { path: "./", flag: "5", mode: 0o755 },
    { path: "./bin/", flag: "5", mode: 0o755 },
    { path: "./bin/tool", content: "tool", mode: 0o4755 },
    { path: "./bin/same", flag: "1", linkTo: "bin/tool" },
    link("./bin/other", "tool"),
    { path: "./tmp/", flag: "5", mode: 0o1777 },
    { path: "./empty", content: "" },
  ]);
  const unpacked = await unpackLayer(inPieces(pack(layer)), tree, limits);
  expect(unpacked).toMatchObject({ members: 7, sizeBytes: 4, whiteouts: [], opaque: [] });
  expect(read("bin/tool")).toBe("tool");
  // Nobody gets another's rights from a file in an image.
  expect(statSync(join(tree, "bin/tool")).mode & 0o7777).toBe(0o755);
  expect(statSync(join(tree, "bin/same")).ino).toBe(statSync(join(tree, "bin/tool")).ino);
  expect(readlinkSync(join(tree, "bin/other"))).toBe("tool");
  expect(statSync(join(tree, "tmp")).mode & 0o7777).toBe(0o1777);
});

test("what GNU tar writes of a real tree comes out the same", async () => {
  const source = join(folder, "source");
  const long = join("a".repeat(120), "b".repeat(120), "c".repeat(120));
  mkdirSync(join(source, long), { recursive: true });
  writeFileSync(join(source, long, "file"), "deep");
  utimesSync(join(source, long, "file"), 1_600_000_000, 1_600_000_000);
  execFileSync("ln", ["-s", `/${"t".repeat(150)}`, join(source, "link")]);
  for (const format of ["gnu", "pax"]) {
    rmSync(tree, { recursive: true });
    mkdirSync(tree);
    const tar = execFileSync("tar", ["-C", source, `--format=${format}`, "-cf", "-", "."]);
    await unpackLayer(inPieces(tar, 10_000), tree, limits);
    expect(read(join(long, "file"))).toBe("deep");
    expect(Math.round(statSync(join(tree, long, "file")).mtimeMs)).toBe(1_600_000_000_000);
    expect(readlinkSync(join(tree, "link"))).toBe(`/${"t".repeat(150)}`);
  }
});

test("later members replace earlier ones of another kind", async () => {
  await unpack([
    { path: "x", content: "1" },
    { path: "x/", flag: "5", mode: 0o755 },
    { path: "x/y", content: "2" },
    { path: "z/", flag: "5", mode: 0o755 },
    { path: "z/inside", content: "3" },
    { path: "z", content: "4" },
    { path: "z", content: "5" },
    link("x/y", "nowhere"),
  ]);
  expect(readdirSync(tree).sort()).toEqual(["x", "z"]);
  expect(read("z")).toBe("5");
  expect(readlinkSync(join(tree, "x/y"))).toBe("nowhere");
});

test("whiteouts name what lower layers must not show, opaque folders show nothing of them", async () => {
  const unpacked = await unpack([
    { path: "a/.wh.gone", content: "" },
    { path: "b/.wh..wh..opq", content: "" },
    { path: "b/new", content: "" },
    { path: ".wh..wh.plnk", content: "" },
    { path: ".wh.again", content: "" },
    { path: "again/file", content: "" },
    { path: ".wh.back", content: "" },
    { path: "back", content: "" },
    { path: ".wh...", content: "" },
    { path: ".wh..", content: "" },
  ]);
  expect(unpacked.whiteouts).toEqual(["a/gone"]);
  expect([...unpacked.opaque].sort()).toEqual(["again", "b"]);
  expect(readdirSync(tree).sort()).toEqual(["a", "again", "b", "back"]);
});

test("links are followed inside of the layer only, whatever they say", async () => {
  await unpack([
    link("out", "/"),
    link("up", "../../../../.."),
    link("lib", "usr/lib"),
    { path: `out/${folder.slice(1)}/absolute`, content: "inside" },
    { path: "up/upward", content: "inside" },
    { path: "lib/so", content: "inside" },
  ]);
  expect(readdirSync(folder)).toEqual(["tree"]);
  expect(read(`${folder.slice(1)}/absolute`)).toBe("inside");
  expect(read("upward")).toBe("inside");
  expect(read("usr/lib/so")).toBe("inside");
  expect(lstatSync(join(tree, "lib")).isSymbolicLink()).toBe(true);
});

test.for<[string, TarMember[], RegExp]>([
  ["leaves the tree", [{ path: "../x", content: "1" }], /outside of its tree/],
  ["leaves the tree in the middle", [{ path: "a/../../x", content: "1" }], /outside of its tree/],
  ["links out of the tree", [{ path: "x", flag: "1", linkTo: "../../etc/passwd" }], /outside of its tree/],
  [
    "links to what is not there",
    [{ path: "x", flag: "1", linkTo: "/etc/passwd" }],
    /hard link to what it does not have/,
  ],
  [
    "links through a link",
    [link("a", "/etc"), { path: "x", flag: "1", linkTo: "a/passwd" }],
    /hard link to what it does not have/,
  ],
  [
    "lies below a file",
    [
      { path: "a", content: "" },
      { path: "a/b", content: "" },
    ],
    /below a file/,
  ],
  [
    "goes round in links",
    [link("a", "b"), link("b", "a"), { path: "a/x", content: "" }],
    /links that lead to one another/,
  ],
  ["has no target", [link("a", "")], /without a target/],
])("a member that %s is refused", async ([, members, message]) => {
  const error: unknown = await unpack(members).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InvalidLayer);
  expect((error as Error).message).toMatch(message);
  expect(existsSync(join(folder, "x"))).toBe(false);
});

test("a whiteout through a link does not lead out", async () => {
  const { whiteouts } = await unpack([link("a", "/etc"), { path: "a/.wh.passwd", content: "" }]);
  expect(whiteouts).toEqual(["etc/passwd"]);
});

test("devices are left out", async () => {
  await unpack([
    { path: "dev/null", flag: "3" },
    { path: "dev/sda", flag: "4" },
    { path: "pipe", flag: "6" },
    { path: "file", content: "1" },
  ]);
  expect(readdirSync(tree).sort()).toEqual(["dev", "file"]);
  expect(readdirSync(join(tree, "dev"))).toEqual([]);
});

test.for<[string, () => AsyncIterable<Buffer>, RegExp]>([
  [
    "too much when unpacked",
    () => inPieces(gzipSync(tarOf([{ path: "zeros", content: Buffer.alloc(2_000_000) }]))),
    /more than 1000000 bytes/,
  ],
  [
    "too many members",
    () => inPieces(tarOf(Array.from({ length: 101 }, (_, n) => ({ path: `f${n}`, content: "" })))),
    /more than 100 members/,
  ],
  [
    "no archive",
    () => inPieces(Buffer.from("hello, world, this is no archive at all".repeat(30))),
    /not a tar archive/,
  ],
  ["a cut archive", () => inPieces(tarOf([{ path: "a", content: "x".repeat(2000) }]).subarray(0, 1500)), /truncated/],
  [
    "a cut stream",
    () => inPieces(gzipSync(tarOf([{ path: "a", content: "x" }])).subarray(0, 60)),
    /end of file|truncated/,
  ],
])("a layer that has %s is refused", async ([, source, message]) => {
  const unpacking = unpackLayer(source(), tree, limits);
  await expect(unpacking).rejects.toThrow(message);
});

test("paths are bounded", () => {
  expect(() => LayerTree.split("d/".repeat(300))).toThrow(/too long/);
  expect(() => LayerTree.split("d".repeat(256))).toThrow(/too long/);
  expect(LayerTree.split("/./a//b/")).toEqual(["a", "b"]);
});

test("a full disk is told before it is full", async () => {
  const members = [{ path: "large", content: Buffer.alloc(70 * 2 ** 20) }];
  const bounds = { ...limits, mostBytes: 2 ** 30, spareBytes: Number.MAX_SAFE_INTEGER };
  const unpacking = unpackLayer(inPieces(tarOf(members), 2 ** 20), tree, bounds);
  await expect(unpacking).rejects.toThrow(/not enough space/);
});

where("owners in layers", [requirements.root], () => {
  test("owners are kept as far as a run has ids, and belong to nobody above", async () => {
    const owned = (path: string, id: number): Buffer => {
      const bytes = tarOf([{ path, content: "1" }]);
      bytes.write(id.toString(8).padStart(7, "0"), 108);
      bytes.write(id.toString(8).padStart(7, "0"), 116);
      bytes.write(" ".repeat(8), 148);
      const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
      bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
      return bytes.subarray(0, 1024);
    };
    const layer = Buffer.concat([owned("user", 1000), owned("far", 70_000), Buffer.alloc(1024)]);
    await unpackLayer(inPieces(layer), tree, limits);
    expect(["user", "far"].map((name) => statSync(join(tree, name)).uid)).toEqual([1000, 65_534]);
  });
});

where("the cache of layers", [requirements.nativeSupervisor], () => {
  const source = (digest: string, members: readonly TarMember[]) => {
    const bytes = gzipSync(tarOf(members));
    return { digest, sizeBytes: bytes.length, open: async () => inPieces(bytes) };
  };

  test("unpacks a layer once, whoever asks, and keeps nothing of one that is broken", async () => {
    const cache = new LayerCache(join(folder, "images"));
    let opened = 0;
    const layer = source("sha256:aa", [
      { path: "f", content: "1" },
      { path: ".wh.gone", content: "" },
    ]);
    const counted = { ...layer, open: async () => (opened++, layer.open()) };
    await Promise.all([cache.add(counted), cache.add(counted)]);
    await cache.add(counted);
    expect(opened).toBe(1);
    const found = (await cache.find("sha256:aa")) as string;
    expect(readFileSync(join(found, "f"), "utf8")).toBe("1");
    expect(lstatSync(join(found, "gone")).isCharacterDevice()).toBe(true);
    const broken = { ...layer, digest: "sha256:bb", open: async () => inPieces(Buffer.from("no layer".repeat(100))) };
    await expect(cache.add(broken)).rejects.toThrow(InvalidLayer);
    expect(await cache.find("sha256:bb")).toBeUndefined();
    expect(readdirSync(join(folder, "images", "unpacking"))).toEqual([]);
    // The next process finds what is there, and clears up what a crash left.
    mkdirSync(join(folder, "images", "unpacking", "half", "tree"), { recursive: true });
    const next = new LayerCache(join(folder, "images"));
    expect(await next.find("sha256:aa")).toBe(found);
    await next.add(layer);
    expect(readdirSync(join(folder, "images", "unpacking"))).toEqual([]);
  });

  test("over its size it gives up what was unused longest, and nothing that a run lies on", async () => {
    const cache = new LayerCache(join(folder, "images"));
    for (const name of ["a", "b", "c"])
      await cache.add(source(`sha256:${name}`, [{ path: "f", content: "x".repeat(1000) }]));
    const inUse = new Set([(await cache.find("sha256:a")) as string]);
    const inTwoHours = Date.now() + 2 * 3600_000;
    expect(await cache.collect(inUse, 1000)).toBe(0);
    expect(await cache.collect(inUse, 10_000, inTwoHours)).toBe(0);
    expect(await cache.collect(inUse, 2000, inTwoHours)).toBe(1);
    expect(await cache.find("sha256:b")).toBeUndefined();
    expect(await cache.collect(inUse, 0, inTwoHours)).toBe(1);
    expect(await cache.find("sha256:a")).toBeDefined();
  });
});

test("users are found by name and by number, in the highest layer that has them", async () => {
  const [low, high] = [join(folder, "low"), join(folder, "high")];
  mkdirSync(join(low, "etc"), { recursive: true });
  mkdirSync(join(high, "srv", "app"), { recursive: true });
  writeFileSync(join(low, "etc", "passwd"), "root:x:0:0:root:/root:/bin/sh\nml:x:1000:1001:ml:/home/ml:/bin/sh\n");
  writeFileSync(join(low, "etc", "group"), "staff:x:50:\n");
  const layers = [low, high];
  expect(await findUser(layers, "")).toEqual({ uid: 0, gid: 0, home: "/root" });
  expect(await findUser(layers, "ml")).toEqual({ uid: 1000, gid: 1001, home: "/home/ml" });
  expect(await findUser(layers, "1000:staff")).toEqual({ uid: 1000, gid: 50, home: "/home/ml" });
  expect(await findUser(layers, "33:34")).toEqual({ uid: 33, gid: 34, home: "/" });
  expect(await findUser(layers, "nobody-here")).toMatch(/no user nobody-here/);
  expect(await findUser(layers, "ml:none")).toMatch(/no group none/);
  expect(await findUser(layers, "70000")).toMatch(/between 0 and 65535/);
  expect(await lacksFolder(layers, "/srv/app")).toBe(false);
  expect(await lacksFolder(layers, "/srv/other")).toBe(true);
  execFileSync("ln", ["-s", "/etc", join(high, "opt")]);
  expect(await foldersIn(layers, "/opt")).toEqual([]);
  expect(await foldersIn(layers, "/srv")).toEqual(["app"]);
});
