import { createHash, randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sealedRange, sealStream, unsealStream } from "./sealed-bytes.ts";

const dataKey = randomBytes(32);
const block = 64 * 1024;

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const seal = (bytes: Buffer, size = 5000) => buffer(sealStream(pieces(bytes, size), dataKey, () => {}));

test.for([1, 16, block - 1, block, block + 1, 2 * block, 3 * block + 7])("%i bytes come back whole", async (size) => {
  const plain = randomBytes(size);
  const sealed = await seal(plain);
  expect(sealed.length).toBe(size + 16 * Math.ceil(size / block));
  const range = { start: 0, end: size - 1 };
  expect(sealedRange(size, range)).toEqual({ start: 0, end: sealed.length - 1 });
  expect((await buffer(unsealStream(pieces(sealed, 999), dataKey, size, range))).equals(plain)).toBe(true);
});

test("what goes in is seen in clear, and comes out otherwise", async () => {
  const plain = Buffer.alloc(3 * block, "secret");
  const digest = createHash("sha256");
  const sealed = await buffer(sealStream(pieces(plain, 7000), dataKey, (bytes) => digest.update(bytes)));
  expect(digest.digest("hex")).toBe(createHash("sha256").update(plain).digest("hex"));
  expect(sealed.includes("secret")).toBe(false);
});

test("any range is read from the blocks that hold it", async () => {
  const size = 3 * block + 100;
  const plain = randomBytes(size);
  const sealed = await seal(plain);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(size - 1),
      fc.nat(size - 1),
      fc.integer({ min: 1000, max: 200_000 }),
      async (a, b, chunk) => {
        const range = { start: Math.min(a, b), end: Math.max(a, b) };
        const { start, end } = sealedRange(size, range);
        const part = pieces(sealed.subarray(start, end + 1), chunk);
        const read = await buffer(unsealStream(part, dataKey, size, range));
        expect(read.equals(plain.subarray(range.start, range.end + 1))).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test("blocks that were changed, swapped, left out or cut off are noticed", async () => {
  const size = 2 * block + 10;
  const sealed = await seal(randomBytes(size));
  const stored = block + 16;
  const read = (bytes: Buffer) =>
    buffer(unsealStream(pieces(bytes, 10_000), dataKey, size, { start: 0, end: size - 1 }));
  const damaged = { code: "InternalError", message: expect.stringContaining("damaged") };
  const flipped = Buffer.from(sealed);
  flipped[stored + 5] = (flipped[stored + 5] as number) ^ 1;
  await expect(read(flipped)).rejects.toMatchObject(damaged);
  const [first, second, last] = [
    sealed.subarray(0, stored),
    sealed.subarray(stored, 2 * stored),
    sealed.subarray(2 * stored),
  ];
  await expect(read(Buffer.concat([second, first, last]))).rejects.toMatchObject(damaged);
  await expect(read(Buffer.concat([first, last]))).rejects.toMatchObject(damaged);
  await expect(read(Buffer.concat([first, second]))).rejects.toMatchObject(damaged);
  await expect(read(sealed.subarray(0, -1))).rejects.toMatchObject(damaged);
});
