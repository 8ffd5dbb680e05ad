import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { KernelPool, type PoolExports } from "../../numerics/kernel-pool.ts";
import { randomStream } from "../../numerics/random.ts";
import { testOpenBlas } from "../../testkit/wheels.ts";
import { codewords } from "../kernels/layout.ts";
import { openScanner } from "./open-scanner.ts";
import { PlainScanner } from "./plain-scanner.ts";
import type { Block, Metric, QueryBatch, Scanner } from "./scanner.ts";
import { strideOf } from "./stride.ts";
import { WasmScanner } from "./wasm-scanner.ts";

/** One thread, three, and one whose rows find no place in the kernel's memory. */
const kinds = ["one thread", "three threads", "rows elsewhere"] as const;
const scanners: Record<string, WasmScanner> = {};
beforeAll(async () => {
  const pools = await Promise.all([1, 3, 1].map((threads) => KernelPool.open<PoolExports>("knn.wasm", threads)));
  for (const [i, kind] of kinds.entries()) {
    const pool = pools[i];
    if (pool === undefined) throw new Error("knn.wasm is not built: run `npm run setup`");
    // A window of a few rows, so that there are several.
    scanners[kind] =
      kind === "rows elsewhere"
        ? new WasmScanner(pool, { reserve: pool.room, windowBytes: 1024 })
        : new WasmScanner(pool);
  }
  return async () => {
    await Promise.all(Object.values(scanners).map((scanner) => scanner.close()));
  };
});
const scannerOf = (kind: string) => scanners[kind] as WasmScanner;

interface Case {
  readonly rows: number;
  readonly width: number;
  readonly queries: number;
  readonly k: number;
  readonly metric: Metric;
  /** Of which values are drawn: few, so that many distances are equal, or any. */
  readonly values: "few" | "any" | "far" | "huge";
  readonly seed: number;
}

const cases = fc.record({
  rows: fc.integer({ min: 1, max: 150 }),
  width: fc.integer({ min: 1, max: 41 }),
  queries: fc.integer({ min: 0, max: 9 }),
  k: fc.integer({ min: 1, max: 12 }),
  metric: fc.constantFrom<Metric>("L2", "INNER_PRODUCT"),
  values: fc.constantFrom<Case["values"]>("few", "any", "far", "huge"),
  seed: fc.integer(),
});

function drawer({ values, seed }: Pick<Case, "values" | "seed">): () => number {
  const random = randomStream(seed);
  switch (values) {
    case "few":
      return () => Math.floor(random.uniform() * 3);
    case "any":
      return () => random.normal();
    case "far":
      return () => 10_000 + random.normal();
    case "huge":
      return () => random.normal() * 1e30;
  }
}

function fill(values: Float32Array, rows: number, width: number, draw: () => number) {
  for (let i = 0; i < rows; i++) for (let j = 0; j < width; j++) values[i * strideOf(width) + j] = draw();
}

/** Rows whose ids go down, so that equal distances are told apart by id and not by place. */
function blockOf(scanner: Scanner, { rows, width }: Case, draw: () => number): Block {
  const block = scanner.block(rows, strideOf(width) * 4);
  fill(block.floats, rows, width, draw);
  for (let i = 0; i < rows; i++) block.ids[i] = rows - 1 - i;
  scanner.measure({ block, first: 0, count: rows });
  return block;
}

const resultOf = (batch: QueryBatch, { queries, k }: Case) =>
  Array.from({ length: queries }, (_, q) => {
    const count = batch.counts[q] as number;
    return {
      distances: [...batch.distances.subarray(q * k, q * k + count)],
      found: [...batch.found.subarray(q * k, q * k + count)],
    };
  });

function search(scanner: Scanner, given: Case) {
  const draw = drawer(given);
  const { rows, width, k, metric, queries } = given;
  const block = blockOf(scanner, given, draw);
  const batch = scanner.batch({ width, k, capacity: Math.max(1, queries), metric });
  fill(batch.queries, queries, width, draw);
  batch.begin(queries);
  // In two pieces, the second to the queries of odd number only and then to the others.
  const half = Math.floor(rows / 2);
  batch.scan({ block, first: 0, count: half });
  for (const rest of [1, 0]) {
    const chosen = Array.from({ length: queries }, (_, q) => q).filter((q) => q % 2 === rest);
    batch.chosen.set(chosen);
    batch.scan({ block, first: half, count: rows - half }, chosen.length);
  }
  batch.finish();
  return resultOf(batch, given);
}

describe.for(kinds)("the kernel agrees with its twin to the bit: %s", (kind) => {
  test("neighbours among rows", () => {
    fc.assert(
      fc.property(cases, (given) => {
        expect(search(scannerOf(kind), given)).toEqual(search(new PlainScanner(), given));
      }),
      { numRuns: 200 },
    );
  });

  test("neighbours among codes", () => {
    const shapes = fc.record({ parts: fc.integer({ min: 1, max: 5 }), partWidth: fc.integer({ min: 1, max: 6 }) });
    fc.assert(
      fc.property(cases, shapes, (given, { parts, partWidth }) => {
        const sized = { ...given, width: parts * partWidth, values: "any" as const };
        const found = [scannerOf(kind), new PlainScanner()].map((scanner) => searchCodes(scanner, sized, parts));
        expect(found[0]).toEqual(found[1]);
      }),
      { numRuns: 60 },
    );
  });

  test("a projection, but for rounding", () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 20 }), (given, target) => {
        const [ours, twin] = [scannerOf(kind), new PlainScanner()].map((scanner) => project(scanner, given, target));
        // Sums of up to 41 products of normal numbers, in single precision.
        ours?.forEach((value, i) => expect(Math.abs(value - (twin?.[i] as number))).toBeLessThan(1e-4));
      }),
      { numRuns: 60 },
    );
  });
});

function searchCodes(scanner: Scanner, given: Case, parts: number) {
  const draw = drawer(given);
  const { rows, width, k, queries } = given;
  const block = scanner.block(rows, parts);
  for (let i = 0; i < rows * parts; i++) block.bytes[i] = Math.abs(Math.floor(draw() * 80)) % codewords;
  for (let i = 0; i < rows; i++) block.ids[i] = i;
  const codebook = scanner.area(width * codewords);
  codebook.values.set(Float32Array.from({ length: width * codewords }, draw));
  const centroid = scanner.area(strideOf(width));
  for (let j = 0; j < width; j++) centroid.values[j] = draw();
  const batch = scanner.batch({ width, k, capacity: Math.max(1, queries), metric: "L2" });
  fill(batch.queries, queries, width, draw);
  batch.begin(queries);
  batch.scanCodes({ block, first: 0, count: rows }, { codebook, centroid, parts });
  batch.finish();
  return resultOf(batch, given);
}

function project(scanner: Scanner, given: Case, target: number): number[] {
  const draw = drawer({ ...given, values: "any" });
  const { rows: count, width } = given;
  const [rows, matrix] = [scanner.area(count * strideOf(width)), scanner.area(target * strideOf(width))];
  fill(rows.values, count, width, draw);
  fill(matrix.values, target, width, draw);
  const output = scanner.area(count * strideOf(target));
  scanner.project({ rows, count, width, matrix, target, output });
  return [...output.values];
}

test("products by a library of the host lead to the same neighbours, to the bit", async () => {
  const library = testOpenBlas();
  const { scanner, refusal } = await openScanner(2, library);
  expect(refusal).toBeUndefined();
  expect(scanner.kind).toContain("OpenBLAS");
  const searchAll = (by: Scanner, given: Case) => {
    const draw = drawer(given);
    const { rows, width, k, metric, queries } = given;
    const block = blockOf(by, given, draw);
    const batch = by.batch({ width, k, capacity: queries, metric });
    fill(batch.queries, queries, width, draw);
    batch.begin(queries);
    batch.scan({ block, first: 0, count: rows });
    batch.finish();
    return resultOf(batch, given);
  };
  const many = fc.record({ given: cases, queries: fc.integer({ min: 30, max: 70 }) });
  fc.assert(
    fc.property(many, ({ given, queries }) => {
      const sized = { ...given, queries };
      expect(searchAll(scanner, sized)).toEqual(searchAll(new PlainScanner(), sized));
    }),
    { numRuns: 80 },
  );
  await scanner.close();
}, 120_000);

test("a library that is none is told, and done without", async () => {
  const { scanner, refusal } = await openScanner(1, process.execPath);
  expect(scanner.kind).toBe("WebAssembly, 1 thread");
  expect(refusal).toContain(`The BLAS ${process.execPath} is not used: `);
  await scanner.close();
});

test("a query that is asked alone has the neighbours that it has among many", () => {
  const given: Case = { rows: 3000, width: 20, queries: 300, k: 7, metric: "L2", values: "any", seed: 5 };
  const scanner = scannerOf("three threads");
  const draw = drawer(given);
  const block = blockOf(scanner, given, draw);
  const batch = scanner.batch({ width: 20, k: 7, capacity: 300, metric: "L2" });
  fill(batch.queries, 300, 20, draw);
  const run = { block, first: 0, count: 3000 };
  batch.begin(300);
  batch.scan(run);
  batch.finish();
  const all = resultOf(batch, given);
  const queries = batch.queries.slice();
  for (let q = 0; q < 300; q += 13) {
    batch.queries.set(queries.subarray(q * 20, (q + 1) * 20));
    batch.begin(1);
    batch.scan(run);
    batch.finish();
    expect(resultOf(batch, { ...given, queries: 1 })[0]).toEqual(all[q]);
  }
});
