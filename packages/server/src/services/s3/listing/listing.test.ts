import {
  DeleteObjectCommand,
  ListObjectsCommand,
  type ListObjectsOutput,
  ListObjectsV2Command,
  type ListObjectsV2Output,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type S3TestServer, startS3 } from "../testkit.ts";

let server: S3TestServer;
beforeAll(async () => {
  server = await startS3();
});
afterAll(() => server.close());

/** Keys that naive stores get wrong: `a` beside `a/b`, case, `..`, `//`, trailing `/`, control characters, emoji. */
const odd = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "a",
        "A",
        "b",
        "/",
        "//",
        ".",
        "..",
        " ",
        "+",
        "%",
        "%2F",
        "&",
        "<",
        "\u0001",
        "\u0002",
        "\u007f",
        "\n",
      ),
      fc.constantFrom("\u{1f600}", "é", "e\u0301", "\uffff", "日本", "?", "#", ";", "=", "*", "'", '"', "\\", "~"),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) => parts.join(""));
const keySet = fc.uniqueArray(odd, { minLength: 1, maxLength: 14 });

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const decode = (text: string | undefined) => decodeURIComponent(text ?? "");

/** What S3 says a listing is, in the plainest words. */
function expected(keys: readonly string[], prefix: string, delimiter: string): string[] {
  const found = new Set<string>();
  for (const key of keys.filter((key) => key.startsWith(prefix)).sort(byBytes)) {
    const cut = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    found.add(cut < 0 ? `key ${key}` : `prefix ${key.slice(0, cut + delimiter.length)}`);
  }
  return [...found];
}

test("odd keys round-trip, and every page size lists each of them once, in byte order", async () => {
  await fc.assert(
    fc.asyncProperty(
      keySet,
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom("", "/", "a", ".."),
      async (keys, MaxKeys, delimiter) => {
        const Bucket = await server.bucket();
        await Promise.all(keys.map((Key) => server.s3.send(new PutObjectCommand({ Bucket, Key, Body: `at ${Key}` }))));
        const entry = await server.platform.objects.head(Bucket, keys[0] as string);
        expect(entry?.key).toBe(keys[0]);
        const Prefix = delimiter === "" ? "" : (Array.from(keys[0] as string)[0] as string);
        const want = expected(keys, Prefix, delimiter);
        const shape = {
          Bucket,
          MaxKeys,
          Prefix,
          EncodingType: "url" as const,
          ...(delimiter && { Delimiter: delimiter }),
        };
        const second: string[] = [];
        for (let ContinuationToken: string | undefined; ; ) {
          const page = await server.s3.send(
            new ListObjectsV2Command({ ...shape, ...(ContinuationToken && { ContinuationToken }) }),
          );
          second.push(...pageOf(page));
          expect(page.KeyCount).toBeLessThanOrEqual(MaxKeys);
          if (!page.IsTruncated) break;
          ContinuationToken = page.NextContinuationToken;
        }
        expect(second.toSorted()).toEqual(want.toSorted());
        const first: string[] = [];
        for (let Marker = ""; ; ) {
          const page = await server.s3.send(new ListObjectsCommand({ ...shape, Marker }));
          first.push(...pageOf(page));
          if (!page.IsTruncated) break;
          Marker = decode(page.NextMarker ?? page.Contents?.at(-1)?.Key);
        }
        expect(first.toSorted()).toEqual(want.toSorted());
        if (delimiter === "") expect(second).toEqual(want);
      },
    ),
    { numRuns: 25 },
  );
});

function pageOf(page: ListObjectsV2Output | ListObjectsOutput): string[] {
  return [
    ...(page.Contents ?? []).map(({ Key }) => `key ${decode(Key)}`),
    ...(page.CommonPrefixes ?? []).map(({ Prefix }) => `prefix ${decode(Prefix)}`),
  ];
}

test("a key of 1,024 bytes beside its neighbours", async () => {
  const Bucket = await server.bucket();
  const keys = ["é".repeat(512), `${"é".repeat(511)}/`, "a", "a/b", "a/", "A"];
  for (const Key of keys) await server.s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  const { Contents } = await server.s3.send(new ListObjectsV2Command({ Bucket }));
  expect(Contents?.map(({ Key }) => Key)).toEqual(keys.toSorted(byBytes));
});

test("StartAfter, MaxKeys 0 and owners", async () => {
  const Bucket = await server.bucket();
  for (const Key of ["a", "b", "c/1", "c/2"]) await server.s3.send(new PutObjectCommand({ Bucket, Key }));
  const after = await server.s3.send(new ListObjectsV2Command({ Bucket, StartAfter: "a", FetchOwner: true }));
  expect(after.Contents?.map(({ Key }) => Key)).toEqual(["b", "c/1", "c/2"]);
  expect(after.Contents?.[0]?.Owner?.ID).toHaveLength(64);
  // A start inside a common prefix still shows the prefix, as what follows is in it.
  const inside = await server.s3.send(new ListObjectsV2Command({ Bucket, StartAfter: "c/1", Delimiter: "/" }));
  expect(inside.CommonPrefixes).toEqual([{ Prefix: "c/" }]);
  const none = await server.s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 0 }));
  expect(none).toMatchObject({ KeyCount: 0, IsTruncated: false });
  await expect(
    server.s3.send(new ListObjectsV2Command({ Bucket, ContinuationToken: "made up" })),
  ).rejects.toMatchObject({
    name: "InvalidArgument",
  });
});

test("versions: any sequence of puts and deletes lists as it happened, on every page size", async () => {
  const step = fc.record({ key: fc.constantFrom("a", "a/b", "b"), remove: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 4 }),
      async (steps, MaxKeys) => {
        const Bucket = await server.bucket();
        await server.s3.send(
          new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }),
        );
        const history = new Map<string, string[]>();
        for (const { key, remove } of steps) {
          const done = remove
            ? await server.s3.send(new DeleteObjectCommand({ Bucket, Key: key }))
            : await server.s3.send(new PutObjectCommand({ Bucket, Key: key, Body: key }));
          history.set(key, [`${key} ${done.VersionId} ${remove}`, ...(history.get(key) ?? [])]);
        }
        const want = ["a", "a/b", "b"].flatMap((key) =>
          (history.get(key) ?? []).map((line, at) => `${line} ${at === 0}`),
        );
        const seen: string[] = [];
        for (let marker: { KeyMarker?: string; VersionIdMarker?: string } = {}; ; ) {
          const page = await server.s3.send(new ListObjectVersionsCommand({ Bucket, MaxKeys, ...marker }));
          for (const item of page.Versions ?? []) seen.push(`${item.Key} ${item.VersionId} false ${item.IsLatest}`);
          for (const item of page.DeleteMarkers ?? []) seen.push(`${item.Key} ${item.VersionId} true ${item.IsLatest}`);
          if (!page.IsTruncated) break;
          marker = { KeyMarker: page.NextKeyMarker as string, VersionIdMarker: page.NextVersionIdMarker as string };
        }
        expect(seen.toSorted()).toEqual(want.toSorted());
      },
    ),
    { numRuns: 20 },
  );
});
