import { expect, test } from "vitest";
import type { ObjectCatalogue, ObjectEntry } from "../../../objects/object-catalogue.ts";
import { channelObjects } from "./input-data.ts";

/** Just enough of a catalogue to list one bucket. */
function bucketOf(keys: readonly string[]): ObjectCatalogue {
  const list = async function* (bucket: string, prefix: string): AsyncGenerator<ObjectEntry> {
    for (const key of keys) {
      if (key.startsWith(prefix)) yield { bucket, key, sizeBytes: 1, etag: "", modifiedAt: 0 };
    }
  };
  return { list } as unknown as ObjectCatalogue;
}

const paths = async (uri: string, keys: readonly string[]) =>
  (await channelObjects(bucketOf(keys), uri)).map(({ path }) => path);

test.for<[string, string, string[], string[]]>([
  ["a folder with its slash", "s3://b/a/train/", ["a/train/x/1.csv", "a/train/2.csv"], ["x/1.csv", "2.csv"]],
  [
    "a folder without it, as SDKs write it",
    "s3://b/a/train",
    ["a/train/x/1.csv", "a/train/2.csv"],
    ["x/1.csv", "2.csv"],
  ],
  ["one object", "s3://b/a/data.csv", ["a/data.csv"], ["data.csv"]],
  ["a part of a name", "s3://b/a/tr", ["a/train.csv", "a/trial/1.csv"], ["train.csv", "trial/1.csv"]],
  ["a folder and its namesakes", "s3://b/a/train", ["a/train.csv", "a/train/1.csv"], ["train.csv", "train/1.csv"]],
  ["a whole bucket", "s3://b", ["x", "y/z"], ["x", "y/z"]],
  ["folder markers", "s3://b/a/", ["a/", "a/x/", "a/x/1"], ["x/1"]],
  ["doubled slashes", "s3://b/a/", ["a//x//1"], ["x/1"]],
])("%s", async ([, uri, keys, expected]) => {
  expect(await paths(uri, keys)).toEqual(expected);
});

test.for<[string, string[], RegExp]>([
  ["parent folders", ["a/../../etc/passwd"], /cannot be a file's path/],
  ["a name of 256 bytes", [`a/${"é".repeat(128)}`], /cannot be a file's path/],
  ["a file and a folder of one name", ["a/x", "a/x-1", "a/x/y"], /x would be a file and a folder/],
  ["two keys of one path", ["a//x", "a/x"], /Two objects would be the file x/],
])("refuses %s", async ([, keys, reason]) => {
  await expect(paths("s3://b/a/", keys)).rejects.toThrow(reason);
});
