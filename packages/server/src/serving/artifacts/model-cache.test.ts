import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { memoryFileSystem } from "../../data-directory.ts";
import { startTestServer } from "../../gateway/testkit.ts";
import { silentLog } from "../../log.ts";
import { tarGzOf } from "../testkit/tar-builder.ts";
import { ModelCache, type PreparedModel } from "./model-cache.ts";

test.skipIf(process.platform !== "linux")(
  "a model that is encrypted in the store is unpacked in memory, another one on the disk",
  async ({ onTestFinished }) => {
    const directory = await mkdtemp(join(tmpdir(), "sagebrush-models-"));
    const memoryDirectory = join(memoryFileSystem, `sagebrush-test-${randomBytes(6).toString("hex")}`);
    const server = await startTestServer({ services: [], configuration: { masterKey: { text: "3c".repeat(32) } } });
    onTestFinished(async () => {
      await server.close();
      for (const folder of [directory, memoryDirectory]) await rm(folder, { recursive: true, force: true });
    });
    const { objects } = server.platform;
    await objects.buckets.create("models", { owner: "111122223333", region: "us-west-2", settings: {} });
    const archive = tarGzOf([{ path: "model.json", content: "secret" }]);
    await objects.put("models", "open.tar.gz", once(archive));
    await objects.put("models", "sealed.tar.gz", once(archive), { encryption: { algorithm: "aws:kms" } });
    const cache = new ModelCache({ directory, memoryDirectory, objects, log: silentLog });
    await cache.open();
    const unpacked = async (key: string): Promise<PreparedModel> => {
      for (;;) {
        const settled = Promise.withResolvers<void>();
        const model = await cache.prepare({ bucket: "models", key }, undefined, settled.resolve);
        if (model.state !== "pending") return model;
        await settled.promise;
      }
    };
    for (const [key, place] of [
      ["sealed.tar.gz", memoryDirectory],
      ["open.tar.gz", directory],
    ] as const) {
      const model = await unpacked(key);
      expect(model).toMatchObject({ state: "ready" });
      const [file] = model.state === "ready" ? model.files : [];
      expect(file?.source.startsWith(`${place}/`)).toBe(true);
      expect(await readFile(file?.source as string, "utf8")).toBe("secret");
      if (key === "sealed.tar.gz") expect(await readdir(directory)).toEqual([]);
    }
    expect(await cache.collect(() => false, Date.now() + 1000)).toBe(2);
    expect(await readdir(memoryDirectory)).toEqual([]);
    await cache.close();
  },
);

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}
