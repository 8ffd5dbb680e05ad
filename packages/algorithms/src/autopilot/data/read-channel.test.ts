import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { channelOf } from "../../testkit/channel.ts";
import { readChannel } from "./read-channel.ts";

test("files are read one after the other, packed or not", () => {
  const files = { "b.csv": "x,y\n3,c\n", "a.csv.gz": gzipSync("x,y\n1,a\n2,b\n"), "c.csv": "" };
  const table = readChannel(channelOf({ files, contentType: "text/csv;header=present" }), { memoryBytes: undefined });
  expect(table).toEqual({
    names: ["x", "y"],
    count: 3,
    columns: [
      ["1", "2", "3"],
      ["a", "b", "c"],
    ],
  });
});

test.for<[string, Record<string, string | Uint8Array>, number | undefined, string]>([
  ["other columns in a second file", { a: "x,y\n1,2", b: "x,z\n1,2" }, undefined, "train/b has the columns x, z"],
  ["nothing but empty files", { a: "" }, undefined, "has no rows: all of its files are empty"],
  ["a broken archive", { a: gzipSync("x,y\n1,2").subarray(0, 15) }, undefined, "train/a cannot be unpacked"],
  ["more than the memory holds", { a: "x,y\n1,2" }, 20, "too many for the memory of the instance (20 bytes)"],
])("%s: refused", ([, files, memoryBytes, message]) => {
  expect(() => readChannel(channelOf({ files, contentType: "text/csv" }), { memoryBytes })).toThrow(message);
});

test("more text than can be held is refused before it is unpacked, of all files together", () => {
  const read = (files: Record<string, string | Uint8Array>) => () =>
    readChannel(channelOf({ files, contentType: "text/csv" }), { memoryBytes: undefined, mostBytes: 1000 });
  const rows = (count: number) => `x,y\n${"1,a\n".repeat(count)}`;
  expect(read({ a: rows(100), b: gzipSync(rows(100)) })().count).toBe(200);
  const message = "Channel 'train' has more than 1000 bytes of rows";
  expect(read({ a: rows(300) })).toThrow(message);
  expect(read({ a: gzipSync(rows(300)) })).toThrow(message);
  expect(read({ a: gzipSync(rows(150)), b: gzipSync(rows(150)) })).toThrow(message);
});

test("Parquet counts as the text that it is", () => {
  const fixtures = join(import.meta.dirname, "../../formats/parquet/fixtures");
  // 10 KB that are 20 KB of text.
  const files = { a: readFileSync(join(fixtures, "brotli.parquet")) };
  const channel = channelOf({ files, contentType: "application/x-parquet" });
  expect(readChannel(channel, { memoryBytes: undefined, mostBytes: 20_000 }).count).toBe(300);
  expect(() => readChannel(channel, { memoryBytes: undefined, mostBytes: 15_000 })).toThrow("more than 15000 bytes");
});
