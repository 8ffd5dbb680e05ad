import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** One penguin: four measurements and the index of its species. */
export interface LabelledRow {
  readonly label: number;
  readonly features: readonly number[];
}

export interface Dataset {
  readonly species: readonly string[];
  readonly features: readonly string[];
  readonly train: readonly LabelledRow[];
  readonly heldOut: readonly LabelledRow[];
}

const features = ["Beak Length (mm)", "Beak Depth (mm)", "Flipper Length (mm)", "Body Mass (g)"] as const;

/**
 * The Palmer penguins (Horst, Hill and Gorman, 2020) from the package `vega-datasets`: 344 birds; the two without
 * measurements are dropped. Every third bird of a fixed shuffle is held out.
 */
export function penguins(): Dataset {
  // The package exports its program only; the data lie beside it.
  const program = createRequire(import.meta.url).resolve("vega-datasets");
  const records = JSON.parse(readFileSync(join(dirname(program), "..", "data", "penguins.json"), "utf8")) as Record<
    string,
    unknown
  >[];
  const complete = records.filter((record) => features.every((name) => typeof record[name] === "number"));
  const species = [...new Set(complete.map((record) => String(record["Species"])))].sort();
  const rows = complete.map((record) => ({
    label: species.indexOf(String(record["Species"])),
    features: features.map((name) => record[name] as number),
  }));
  const shuffled = shuffle(rows, 20_201_119);
  return {
    species,
    features,
    train: shuffled.filter((_, index) => index % 3 !== 0),
    heldOut: shuffled.filter((_, index) => index % 3 === 0),
  };
}

/** Fisher and Yates' shuffle over a small linear congruential generator, so that every run sees the same split. */
function shuffle<Item>(items: readonly Item[], seed: number): Item[] {
  const result = [...items];
  let state = seed >>> 0;
  for (let index = result.length - 1; index > 0; index--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (index + 1));
    [result[index], result[other]] = [result[other] as Item, result[index] as Item];
  }
  return result;
}
