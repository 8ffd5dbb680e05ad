import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { ObjectCatalogue, ObjectEntry } from "../../../objects/object-catalogue.ts";
import { hasInput, sourceObjects, sourceUnits } from "./data-source.ts";

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
    [
      "with a name that is none",
      '[{"prefix":"s3://b/"},"../x",7]',
      "Entry 3 of the manifest s3://b/train.manifest must be a text, got 7",
    ],
    ["with a prefix that is no URI", '[{"prefix":"data/"},"a"]', "which is not an S3 URI"],
    [
      "that names what is not there",
      '[{"prefix":"s3://b/"},"nowhere"]',
      "Entry 2 of the manifest s3://b/train.manifest names s3://b/nowhere, which",
    ],
    ["that climbs out", '[{"prefix":"s3://b/"},"../x"]', "cannot be a file's path"],
  ])("%s is refused", async ([, manifest, message]) => {
    await expect(sourceOf(manifest, { "../x": "x" })).rejects.toThrow(message);
  });

  test("of another account does not exist", async () => {
    const objects = catalogue({ "train.manifest": '[{"prefix":"s3://b/"},"x"]', x: "1" });
    expect(await hasInput(objects, source, "222222222222")).toBe(false);
    await expect(sourceObjects(objects, source, "222222222222")).rejects.toThrow("train.manifest does not exist");
  });

  test("counts as input when it exists", async () => {
    expect(await hasInput(catalogue({ "train.manifest": "[]" }), source, "111122223333")).toBe(true);
    expect(await hasInput(catalogue({}), source, "111122223333")).toBe(false);
    expect(await hasInput(catalogue({}), { ...source, S3Uri: "s3://none/x" }, "111122223333")).toBe(false);
  });
});

describe("an augmented manifest", () => {
  const lines = (text: string, attributes: string[], more: Record<string, string> = {}) =>
    sourceUnits(
      catalogue({ "train.manifest": text, ...more }),
      { S3DataType: "AugmentedManifestFile", S3Uri: "s3://b/train.manifest", AttributeNames: attributes },
      "111122223333",
    );

  test("gives the wanted attributes in the order asked for, objects for references", async () => {
    const text =
      '{"image-ref":"s3://b/1.jpg","label":1.0,"box":{"w":[1,2.50]},"x":"a b"}\n\n{"label":"two","image-ref":"s3://b/2.jpg"}\n';
    const images = { "1.jpg": "one", "2.jpg": "two" };
    const units = await lines(text, ["label", "image-ref"], images);
    const plain = units.map((unit) => unit.map((each) => ("text" in each ? each.text : each.entry.key)));
    expect(plain).toEqual([
      ["1.0", "1.jpg"],
      ["two", "2.jpg"],
    ]);
    const [first] = await lines(text.split("\n", 1)[0] as string, ["box", "x"]);
    expect(first).toEqual([{ text: '{"w":[1,2.50]}' }, { text: "a b" }]);
  });

  const uri = "the manifest s3://b/train.manifest";
  test.for<[string, string, string[], string]>([
    ["a line that is not JSON", '{"a":1}\n{"a":', ["a"], `Line 2 of ${uri} is not JSON`],
    ["a line that is no object", '{"a":1}\n\n7', ["a"], `Line 3 of ${uri} must be a JSON object`],
    ["a line that is a list", "[1]", ["a"], `Line 1 of ${uri} must be a JSON object`],
    ["an attribute of another case", '{"A":1}', ["a"], `Line 1 of ${uri} has no attribute "a"`],
    ["an inherited name", '{"A":1}', ["toString"], `Line 1 of ${uri} has no attribute "toString"`],
    [
      "a reference that is no URI",
      '{"a-ref":"x.jpg"}',
      ["a-ref"],
      `Line 1 of ${uri}: "a-ref" must be an S3 URI, got "x.jpg"`,
    ],
    [
      "a reference to nothing",
      '{"a-ref":"s3://b/x"}',
      ["a-ref"],
      `Line 1 of ${uri}: "a-ref" names s3://b/x, which does not exist`,
    ],
    ["a reference to another's bucket", '{"a-ref":"s3://c/x"}', ["a-ref"], "names s3://c/x, which does not exist"],
    ["nothing", "\n", ["a"], "has no lines"],
  ])("with %s is refused", async ([, text, attributes, message]) => {
    await expect(lines(text, attributes)).rejects.toThrow(message);
  });

  test("that is too large is refused by its size alone", async () => {
    const objects = catalogue({ "train.manifest": "x" });
    const large = { ...objects, head: async () => ({ bucket: "b", key: "train.manifest", sizeBytes: 2 ** 26 + 1 }) };
    const source = {
      S3DataType: "AugmentedManifestFile",
      S3Uri: "s3://b/train.manifest",
      AttributeNames: ["a"],
    } as const;
    await expect(
      sourceUnits(large as unknown as ObjectCatalogue, { ...source, AttributeNames: ["a"] }, "111122223333"),
    ).rejects.toThrow("has 67108865 bytes; at most 67108864 are read");
  });
});
