import fc from "fast-check";
import { expect, test } from "vitest";
import { denseTable, sparseTable } from "../testkit/tables.ts";
import { Moments } from "./moments.ts";

const value = fc.oneof(fc.constant(0), fc.integer({ min: 1_000_000, max: 1_000_100 }));
const rows = fc.array(fc.array(value, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 40 });

test("are those of two passes over the first rows, however these come and whether their zeros are left out", () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 9 }), (x, limit, size) => {
      const whole = new Moments(limit);
      whole.add(denseTable(x, x[0] === undefined ? [] : x.map((row) => row[0] as number)).features, labelsOf(x));
      const pieces = new Moments(limit);
      const sparse = new Moments(limit);
      for (let first = 0; first < x.length; first += size) {
        const part = x.slice(first, first + size);
        pieces.add(denseTable(part, []).features, labelsOf(part));
        sparse.add(sparseTable(part, []).features, labelsOf(part));
      }
      expect(pieces.estimate()).toEqual(whole.estimate());
      const seen = x.slice(0, limit);
      const { means, variances, label } = sparse.estimate();
      for (let j = 0; j < 3; j++) {
        const mean = seen.reduce((sum, row) => sum + (row[j] as number), 0) / seen.length;
        const variance = seen.reduce((sum, row) => sum + ((row[j] as number) - mean) ** 2, 0) / seen.length;
        for (const estimate of [{ means, variances }, whole.estimate()]) {
          expect(estimate.means[j]).toBeCloseTo(mean, 6);
          // Of squares of a million, 12 digits.
          expect(Math.abs((estimate.variances[j] as number) - variance)).toBeLessThan(1e-12 * 1e12);
        }
      }
      expect(label.mean).toBeCloseTo(means[0] as number, 6);
    }),
  );
});

const labelsOf = (x: readonly (readonly number[])[]) => Float32Array.from(x, (row) => row[0] as number);
