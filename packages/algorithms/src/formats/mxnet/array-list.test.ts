import fc from "fast-check";
import { expect, test } from "vitest";
import { readArrayList, writeArrayList } from "./array-list.ts";

test("lists are read as they were written, with names or without", () => {
  const array = fc.record({ name: fc.string({ minLength: 1 }), values: fc.float32Array() });
  fc.assert(
    fc.property(fc.array(array), fc.boolean(), (arrays, named) => {
      const shaped = arrays.map(({ name, values }) => ({ name: named ? name : "", shape: [values.length], values }));
      expect(readArrayList(writeArrayList(shaped))).toEqual(shaped);
    }),
  );
});

test("a list cut off anywhere is refused, and asks for no memory first", () => {
  const whole = writeArrayList([{ name: "a", shape: [2, 3], values: new Float32Array(6) }]);
  for (let length = 0; length < whole.length; length++) {
    expect(() => readArrayList(whole.subarray(0, length)), `${length} bytes`).toThrow(/cut off|not an MXNet/);
  }
  const huge = Buffer.from(whole);
  huge.writeBigUInt64LE(2n ** 40n, 36); // the first dimension
  expect(() => readArrayList(huge)).toThrow("cut off");
});

const weights = Float32Array.of(1, 2, 3, 4, 5, -6.5);
const bias = Float32Array.of(0.5, 0, 1e-20);

/** Written by Apache MXNet 1.9.1: see make-parameters.py. */
const savedByMxnet =
  "EgEAAAAAAAAAAAAAAAAAAAIAAAAAAAAAyfqT+QAAAAACAAAAAwAAAAAAAAACAAAAAAAAAAEAAAAAAAAAAAAAAAAAgD8AAABAAABA" +
  "QAAAgEAAAKBAAADQwMn6k/kAAAAAAQAAAAMAAAAAAAAAAQAAAAAAAAAAAAAAAAAAPwAAAAAI5TweAgAAAAAAAAAOAAAAAAAAAGFy" +
  "ZzpmYzBfd2VpZ2h0DAAAAAAAAABhcmc6ZmMwX2JpYXM=";

test("a list is MXNet's, byte for byte", () => {
  const bytes = Buffer.from(savedByMxnet, "base64");
  const arrays = [
    { name: "arg:fc0_weight", shape: [3, 2], values: weights },
    { name: "arg:fc0_bias", shape: [3], values: bias },
  ];
  expect(readArrayList(bytes)).toEqual(arrays);
  expect(writeArrayList(arrays).toString("hex")).toBe(bytes.toString("hex"));
});
