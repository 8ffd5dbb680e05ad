import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testOpenBlas } from "../../testkit/wheels.ts";
import { randomStream } from "../random.ts";
import { type Blas, type Factor, type Matrix, openBlas } from "./blas.ts";
import { PlainBlas } from "./plain-blas.ts";

const opened: Record<string, Blas> = {};
beforeAll(async () => {
  for (const [name, threads, library] of [
    ["one thread", 1, undefined],
    ["three threads", 3, undefined],
    ["SciPy's wheel", 2, testOpenBlas(32)],
    ["NumPy's wheel, whose integers are long", 2, testOpenBlas(64)],
  ] as const) {
    const { blas, refusal } = await openBlas(threads, library);
    expect(refusal).toBeUndefined();
    opened[name] = blas;
  }
}, 120_000);
afterAll(async () => {
  await Promise.all(Object.values(opened).map((blas) => blas.close()));
});
const names = ["one thread", "three threads", "SciPy's wheel", "NumPy's wheel, whose integers are long"] as const;
const blasOf = (name: string) => opened[name] as Blas;

/** Memory that is used again for every product: the kernel's is never taken back. */
const areas = new Map<Blas, [Float32Array, Float32Array, Float32Array]>();
const most = 130 * 600;
function areasOf(blas: Blas): [Float32Array, Float32Array, Float32Array] {
  const known = areas.get(blas) ?? [blas.floats(most), blas.floats(most), blas.floats(130 * 130)];
  areas.set(blas, known);
  return known;
}

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly seed: number;
  readonly transposedA: boolean;
  readonly transposedB: boolean;
  readonly pad: number;
  readonly alpha: number;
  readonly beta: number;
  readonly isUpper: boolean;
}

const product = fc.record({
  m: fc.integer({ min: 0, max: 75 }),
  n: fc.integer({ min: 0, max: 75 }),
  k: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 250, max: 520 })),
  seed: fc.integer(),
  transposedA: fc.boolean(),
  transposedB: fc.boolean(),
  pad: fc.integer({ min: 0, max: 3 }),
  alpha: fc.constantFrom(1, -0.5),
  beta: fc.constantFrom(0, 1, 2),
  isUpper: fc.boolean(),
});

function run(blas: Blas, given: Product, change?: (areas: readonly Float32Array[]) => void): number[] {
  const { m, k, pad, seed, alpha, beta, isUpper } = given;
  const n = isUpper ? m : given.n;
  const [a, b, c] = areasOf(blas);
  const random = randomStream(seed);
  for (const area of [a, b, c]) for (let i = 0; i < 6000; i++) area[i] = random.normal();
  for (const area of [a, b]) for (let i = 6000; i < 45_000; i++) area[i] = area[i % 6000] as number;
  if (beta === 0) c.fill(Number.NaN);
  change?.([a, b, c]);
  const factor = (values: Float32Array, rows: number, columns: number, isTransposed: boolean): Factor =>
    isTransposed
      ? { values, rows: columns, columns: rows, stride: rows + pad, isTransposed }
      : { values, rows, columns, stride: columns + pad };
  const out: Matrix = { values: c, rows: m, columns: n, stride: n + pad };
  const left = factor(a, m, k, given.transposedA);
  if (isUpper) blas.syrk(left, out, { alpha, beta });
  else blas.gemm(left, factor(b, k, n, given.transposedB), out, { alpha, beta });
  return [...c.subarray(0, Math.max(0, m) * (n + pad))];
}

describe.for(names)("%s", (name) => {
  test("agrees with plain sums in double precision", () => {
    fc.assert(
      fc.property(product, (given) => {
        const wanted = run(new PlainBlas(), given);
        const found = run(blasOf(name), given);
        // Sums of up to 520 squares of normal numbers, on a diagonal: each step rounds by 6e-8 of what there is so far.
        const tolerance = 3e-6 * (10 + given.k);
        const isFar = (value: number, i: number) =>
          Number.isNaN(value) ? !Number.isNaN(wanted[i]) : !(Math.abs(value - (wanted[i] as number)) < tolerance);
        expect(found.findIndex(isFar)).toBe(-1);
      }),
      { numRuns: 100 },
    );
  });

  test("a product of nothing is what beta leaves", () => {
    const nothing = { m: 9, k: 0, seed: 1, transposedA: false, transposedB: false, pad: 0, alpha: 1, isUpper: false };
    for (const n of [1, 9]) {
      const found = run(blasOf(name), { ...nothing, n, beta: 0 });
      expect(found).toEqual(Array.from({ length: 9 * n }, () => 0));
      expect(run(blasOf(name), { ...nothing, n, beta: 2 })).toEqual(run(new PlainBlas(), { ...nothing, n, beta: 2 }));
    }
  });

  test("more columns than a block has", () => {
    const blas = blasOf(name);
    const rows = 3;
    const columns = 2500;
    const random = randomStream(8);
    const [a, b, c] = [rows * 5, 5 * columns, rows * columns].map((count) => blas.floats(count)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    for (const area of [a, b]) for (let i = 0; i < area.length; i++) area[i] = random.normal();
    blas.gemm({ values: a, rows, columns: 5 }, { values: b, rows: 5, columns }, { values: c, rows, columns });
    for (const at of [0, 1023, 1024, 2499]) {
      const wanted = [0, 1, 2, 3, 4].reduce(
        (sum, p) => sum + (a[5 + p] as number) * (b[p * columns + at] as number),
        0,
      );
      expect(c[columns + at]).toBeCloseTo(wanted, 4);
    }
  });

  test("a value that is not finite reaches its row and no other", () => {
    const given = { m: 40, n: 40, k: 30, seed: 3, transposedA: false, transposedB: true, pad: 0, alpha: 1, beta: 0 };
    const found = run(blasOf(name), { ...given, isUpper: false }, ([a]) => {
      if (a !== undefined) a[33 * 30 + 2] = Number.POSITIVE_INFINITY;
    });
    expect(found.findIndex((value, i) => Number.isFinite(value) === (Math.floor(i / 40) === 33))).toBe(-1);
  });

  test("shapes that do not fit, and memory that is too small, are refused", () => {
    const blas = blasOf(name);
    const values = blas.floats(12);
    const matrix = (rows: number, columns: number) => ({ values, rows, columns });
    expect(() => blas.gemm(matrix(2, 3), matrix(2, 3), matrix(2, 3))).toThrow(
      "(2, 3) times (2, 3) does not make (2, 3)",
    );
    expect(() => blas.gemm(matrix(4, 4), matrix(4, 1), matrix(4, 1))).toThrow(
      "a of shape (4, 4) needs 16 floats and has 12",
    );
    expect(() => blas.syrk({ ...matrix(3, 4), stride: 2 }, matrix(3, 3))).toThrow("a has 4 columns and a stride of 2");
  });
});

test("any number of threads of the kernel gives the same bits", () => {
  fc.assert(
    fc.property(product, (given) => {
      expect(run(blasOf("three threads"), given)).toEqual(run(blasOf("one thread"), given));
    }),
    { numRuns: 60 },
  );
});

test("the kernel refuses memory that is not its own", () => {
  const values = new Float32Array(4);
  const matrix = { values, rows: 2, columns: 2 };
  expect(() => blasOf("one thread").gemm(matrix, matrix, matrix)).toThrow("not in memory that this BLAS gave");
});

test("each says what it is", () => {
  expect(blasOf("one thread").name).toBe("WebAssembly, 1 thread");
  expect(blasOf("SciPy's wheel").name).toMatch(/^OpenBLAS [\d.]+ \(\w+\), 2 threads$/);
  expect(Object.values(opened).map(({ isNative }) => isNative)).toEqual([false, false, true, true]);
});

test("a library that is none leaves the kernel, and the reason", async () => {
  const { blas, refusal } = await openBlas(1, process.execPath);
  expect(blas.isNative).toBe(false);
  expect(refusal).toContain(`The BLAS ${process.execPath} is not used: `);
  await blas.close();
});
