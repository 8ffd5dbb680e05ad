import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readTextParquet } from "./read-text-parquet.ts";

const fixtures = join(import.meta.dirname, "fixtures/texts");

test.for(["texts.parquet", "plain-texts.parquet"])("%s is read as text, gaps as nothing", (name) => {
  const { names, count, columns } = readTextParquet(readFileSync(join(fixtures, name)), name);
  expect(count).toBe(4);
  expect(Object.fromEntries(names.map((each, index) => [each, columns[index]]))).toEqual({
    town: ["Ulm", "", "São, Paulo", "Ulm"],
    age: ["31", "", "-4", String(2 ** 40)],
    share: ["0.1", "", "1e-7", "2.5"],
    exact: ["0.1", "0.3333333333333333", "", "1e+300"],
    isNew: ["true", "", "false", "true"],
    day: ["2024-02-29T00:00:00", "", "1969-12-31T00:00:00", "2000-01-01T00:00:00"],
    micros: ["2024-02-29T12:30:05", "", "2024-02-29T12:30:05", ""],
    nanos: ["2024-02-29T12:30:05", "", "2024-02-29T12:30:05", ""],
  });
});

test("a file that is cut off, or is none, is refused by its name", () => {
  const whole = readFileSync(join(fixtures, "texts.parquet"));
  for (const content of [whole.subarray(0, whole.length - 9), whole.subarray(200), Buffer.from("PAR1")]) {
    expect(() => readTextParquet(content, "train/a.parquet")).toThrow("train/a.parquet cannot be read as Parquet");
  }
});
