import { expect, test } from "vitest";
import { KernelPool } from "./kernel-pool.ts";

test("a kernel that was not built has no pool", async () => {
  expect(await KernelPool.open("no-such-kernel.wasm", 2)).toBeUndefined();
});

test("memory is zeroed, aligned, apart, and ends at 4 GB", async () => {
  const pool = await KernelPool.open("linear-learner.wasm", 1);
  if (pool === undefined) throw new Error("linear-learner.wasm is not built: run `npm run setup`");
  const [first, second] = [pool.allocate(5), pool.allocate(3_000_000)];
  expect(first % 16).toBe(0);
  expect(second).toBe(first + 16);
  pool.floats(first, 1).fill(7);
  expect(pool.floats(second, 750_000).every((value) => value === 0)).toBe(true);
  expect(() => pool.allocate(pool.room + 1)).toThrow(RangeError);
  await pool.close();
});

test("threads that are closed end, and closing twice does no harm", async () => {
  const pool = await KernelPool.open("linear-learner.wasm", 3);
  await pool?.close();
  await pool?.close();
});
