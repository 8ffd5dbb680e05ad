import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { inflate } from "./inflate.ts";

test("what was compressed comes back", async () => {
  expect(String(await inflate("query", "GZIP", gzipSync("Action=PutMetricData"), 1000))).toBe("Action=PutMetricData");
});

test("a small body that would become a large one is refused before it does", async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000));
  expect(bomb.length).toBeLessThan(20_000);
  await expect(inflate("rpc-v2-cbor", "gzip", bomb, 1_000_000)).rejects.toMatchObject({
    ...{ code: "RequestEntityTooLargeException", status: 413 },
  });
});

test.for([
  ["another encoding", "br", gzipSync("a"), "UnsupportedMediaTypeException", 415],
  ["damaged bytes", "gzip", Buffer.from("not gzip"), "SerializationException", 400],
  ["a cut stream", "gzip", gzipSync("a".repeat(1000)).subarray(0, 20), "SerializationException", 400],
] as const)("%s is refused", async ([, encoding, bytes, code, status]) => {
  await expect(inflate("aws-json-1.0", encoding, bytes, 1000)).rejects.toMatchObject({ code, status });
});
