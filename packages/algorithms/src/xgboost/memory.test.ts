import { expect, test } from "vitest";
import { randomStream } from "../numerics/random.ts";
import { peakMemory } from "../testkit/peak-memory.ts";
import { testLibrary } from "./testkit/xgboost-job.ts";

const columns = 28;
const rows = 10_000;
/** Bytes for each value, as the README page says. */
const most = 19;
const random = randomStream(8);
const csv = `${Array.from({ length: rows }, () =>
  [Math.floor(2 * random.uniform()), ...Array.from({ length: columns }, () => Math.floor(100 * random.uniform()))].join(
    ",",
  ),
).join("\n")}\n`;

test("memory grows by what the README page says of each value, and by no more", () => {
  const times = 4;
  const bound = {
    given: { objective: "binary:logistic", num_round: "2", tree_method: "hist" },
    csv,
    times,
    limitBytes: 2 ** 30,
    growthBytes: most * 9 * times * rows * columns,
    library: testLibrary(),
  };
  const [small, large] = [1, 10].map((factor) => peakMemory("xgboost", bound, factor)) as [number, number];
  const perValue = (large - small) / (9 * times * rows * columns);
  expect(perValue).toBeLessThan(most);
}, 300_000);
