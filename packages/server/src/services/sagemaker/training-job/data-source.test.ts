import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { ObjectCatalogue, ObjectEntry } from "../../../objects/object-catalogue.ts";
import { hasInput, sourceObjects } from "./data-source.ts";

/** The three calls that a manifest needs, over a map. */
function catalogue(contents: Readonly<Record<string, string>>): ObjectCatalogue {
  const entry = (key: string): ObjectEntry => ({
    bucket: "b",
    key,
    sizeBytes: contents[key]?.length ?? 0,
    etag: '""',
    modifiedAt: 0,
  });
  return {
    hasBucket: (bucket: string, owner: string) => Promise.resolve(bucket === "b" && owner === "111122223333"),
    head: (_bucket: string, key: string) => Promise.resolve(key in contents ? entry(key) : undefined),
    read: (_bucket: string, key: string) => Promise.resolve(Readable.from([Buffer.from(contents[key] ?? "")])),
  } as Partial<ObjectCatalogue> as ObjectCatalogue;
}

const source = { S3DataType: "ManifestFile", S3Uri: "s3://b/train.manifest" } as const;
const sourceOf = (manifest: string, more: Record<string, string> = {}) =>
  sourceObjects(catalogue({ "train.manifest": manifest, ...more }), source, "111122223333");

describe("a manifest", () => {
  test("names files below its prefix, in its order", async () => {
    const files = await sourceOf('[{"prefix":"s3://b/data/"},"m_1.pbr","sub/m_0.pbr"]', {
      "data/m_1.pbr": "1",
      "data/sub/m_0.pbr": "22",
      "data/other": "3",
    });
    expect(files.map(({ path, entry }) => [path, entry.key])).toEqual([
      ["m_1.pbr", "data/m_1.pbr"],
      ["sub/m_0.pbr", "data/sub/m_0.pbr"],
    ]);
  });

  test.for<[string, string, string]>([
    ["that is not JSON", "{", "is not JSON"],
    ["without a prefix", '["a"]', "must be a list"],
    ["without names", '[{"prefix":"s3://b/"}]', "must be a list"],
    ["with a prefix that is no URI", '[{"prefix":"data/"},"a"]', "which is not an S3 URI"],
    ["that names what is not there", '[{"prefix":"s3://b/"},"nowhere"]', "s3://b/nowhere, which does not exist"],
    ["that climbs out", '[{"prefix":"s3://b/"},"../x"]', "cannot be a file's path"],
  ])("%s is refused", async ([, manifest, message]) => {
    await expect(sourceOf(manifest, { "../x": "x" })).rejects.toThrow(message);
  });

  test("of another account does not exist", async () => {
    const objects = catalogue({ "train.manifest": '[{"prefix":"s3://b/"},"x"]', x: "1" });
    expect(await hasInput(objects, source, "222222222222")).toBe(false);
    await expect(sourceObjects(objects, source, "222222222222")).rejects.toThrow("the bucket b, which does not exist");
  });

  test("counts as input when it exists", async () => {
    expect(await hasInput(catalogue({ "train.manifest": "[]" }), source, "111122223333")).toBe(true);
    expect(await hasInput(catalogue({}), source, "111122223333")).toBe(false);
    expect(await hasInput(catalogue({}), { ...source, S3Uri: "s3://none/x" }, "111122223333")).toBe(false);
  });
});
