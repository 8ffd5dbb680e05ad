import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeDirectoryDurably, renameDurably, writeFileDurably } from "./durable-files.ts";
import type { FileLayer } from "./file-layer.ts";
import { nodeFileLayer } from "./file-layer.ts";
import { PowerLossLayer, PowerLost } from "./power-loss-layer.ts";

/** Runs `act` with the power cut before its first, second, … call, until it ends by itself. */
async function cutEverywhere(
  prepare: (layer: FileLayer) => Promise<void>,
  act: (layer: FileLayer) => Promise<void>,
  check: (layer: PowerLossLayer, acknowledged: boolean) => void,
): Promise<number> {
  const whole = new PowerLossLayer();
  await prepare(whole);
  const before = whole.calls.length;
  for (let cut = 0; ; cut++) {
    const layer = new PowerLossLayer(before + cut);
    await prepare(layer);
    const acknowledged = await act(layer).then(
      () => true,
      (error) => {
        expect(error).toBeInstanceOf(PowerLost);
        return false;
      },
    );
    check(layer, acknowledged);
    if (acknowledged) return cut;
  }
}

test("a new file is absent or whole after any power cut, and whole once acknowledged", async () => {
  const cuts = await cutEverywhere(
    async () => {},
    (layer) => writeFileDurably("/a", "new", { layer }),
    (layer, acknowledged) => {
      const left = layer.survivors("/a");
      if (acknowledged) expect(left).toEqual(new Set(["new"]));
      else expect([undefined, "new"]).toEqual(expect.arrayContaining([...left]));
    },
  );
  expect(cuts).toBe(6);
});

test("a replaced file is the old or the new one after any power cut", async () => {
  await cutEverywhere(
    (layer) => writeFileDurably("/a", "old", { layer }),
    (layer) => writeFileDurably("/a", "new", { layer }),
    (layer, acknowledged) => {
      const left = layer.survivors("/a");
      if (acknowledged) expect(left).toEqual(new Set(["new"]));
      else expect(["old", "new"]).toEqual(expect.arrayContaining([...left]));
    },
  );
});

test("the layer notices a missing fsync: bytes that were only written do not survive", async () => {
  const layer = new PowerLossLayer();
  const file = await layer.create("/a");
  await file.write(Buffer.from("x"));
  await file.close();
  await layer.syncDirectory("/");
  expect(layer.survivors("/a")).toEqual(new Set([""]));
});

test("bytes are synced before the name, and the name before the answer", async () => {
  const layer = new PowerLossLayer();
  await writeFileDurably("/a", "x", { layer });
  expect(layer.calls.map((call) => call.split(" ")[0])).toEqual([
    "create",
    "write",
    "fsync",
    "close",
    "rename",
    "fsync-directory",
  ]);
});

test("a rename into another folder never loses the file", async () => {
  await cutEverywhere(
    async (layer) => {
      await makeDirectoryDurably("/from", { layer });
      await makeDirectoryDurably("/to", { layer });
      await writeFileDurably("/from/a", "x", { layer });
    },
    (layer) => renameDurably("/from/a", "/to/a", layer),
    (layer, acknowledged) => {
      if (acknowledged) expect(layer.survivors("/to/a")).toEqual(new Set(["x"]));
      const either = [...layer.survivors("/from/a"), ...layer.survivors("/to/a")];
      expect(either).toContain("x");
    },
  );
});

test("folders above a new folder are synced too", async () => {
  const layer = new PowerLossLayer();
  await makeDirectoryDurably("/a/b/c", { layer });
  await writeFileDurably("/a/b/c/file", "x", { layer });
  expect(layer.survivors("/a/b/c/file")).toEqual(new Set(["x"]));
  const careless = new PowerLossLayer();
  await careless.makeDirectory("/a");
  await writeFileDurably("/a/file", "x", { layer: careless });
  expect(careless.survivors("/a/file")).toEqual(new Set(["x", undefined]));
});

test("on real files: mode, contents, and nothing left beside", async () => {
  const root = await mkdtemp(join(tmpdir(), "sagebrush-durable-"));
  try {
    const path = join(root, "deep", "er", "file");
    await makeDirectoryDurably(join(root, "deep", "er"));
    await writeFileDurably(path, "one", { mode: 0o640 });
    await writeFileDurably(path, Buffer.alloc(3_000_000, 7), { mode: 0o640 });
    expect((await readFile(path)).equals(Buffer.alloc(3_000_000, 7))).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect(await readdir(join(root, "deep", "er"))).toEqual(["file"]);
    const failing = { ...nodeFileLayer, rename: () => Promise.reject(new Error("no")) };
    await expect(writeFileDurably(path, "two", { layer: failing })).rejects.toThrow("no");
    expect(await readdir(join(root, "deep", "er"))).toEqual(["file"]);
  } finally {
    await rm(root, { recursive: true });
  }
});
