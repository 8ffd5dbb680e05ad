import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Parameter, Values } from "../../packages/server/src/tuning/index.ts";
import { randomStream } from "../../packages/server/src/tuning/random-stream.ts";
import { kernelParameters, trainKernelMachine } from "./kernel-machine.ts";
import { networkParameters, trainNetwork } from "./network.ts";

const data = join(import.meta.dirname, "..", "..", "node_modules", "vega-datasets", "data");
/** Inputs and outputs, standardised, one row each. */
export interface Table {
  readonly inputs: readonly (readonly number[])[];
  readonly outputs: readonly (readonly number[])[];
}

/** A model that is trained by epochs, and whose held-out loss is known after each. */
export interface EpochTask {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /**
   * Whether the first epochs tell good models from bad ones. A network whose learning rate is varied over four orders of magnitude
   * is not such a model: those that are best in the end are slow, and in the middle of the field for the first ten epochs.
   */
  readonly isForEarlyStopping: boolean;
  /** Trains for epochs on demand: one held-out loss at a time. */
  train(values: Values): Iterator<number>;
}

const beaks = ["Beak Length (mm)", "Beak Depth (mm)", "Flipper Length (mm)", "Body Mass (g)"];
const engines = ["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs", "Acceleration"];

/** Which species a penguin is, and how far a car goes on a gallon: each by a kernel machine and by a network. */
export function epochTasks(): EpochTask[] {
  const penguins = rows("penguins.json", beaks);
  const species = [...new Set(penguins.map((row) => row["Species"]))];
  const cars = rows("cars.json", ["Miles_per_Gallon", ...engines]);
  const tables: readonly (readonly [string, Table])[] = [
    [
      "penguins",
      {
        inputs: standardised(penguins, beaks),
        outputs: penguins.map((row) => species.map((each) => (row["Species"] === each ? 1 : -1))),
      },
    ],
    ["cars", { inputs: standardised(cars, engines), outputs: standardised(cars, ["Miles_per_Gallon"]) }],
  ];
  return [
    ...tables.map(([name, table]) => ({
      ...{ name: `${name}, kernel machine`, parameters: kernelParameters, isForEarlyStopping: true },
      train: (values: Values) => trainKernelMachine(table, values),
    })),
    ...tables.map(([name, table]) => ({
      ...{ name: `${name}, network`, parameters: networkParameters, isForEarlyStopping: false },
      train: (values: Values) => trainNetwork(table, values),
    })),
  ];
}

type Row = Readonly<Record<string, unknown>>;

function rows(file: string, columns: readonly string[]): Row[] {
  const all = JSON.parse(readFileSync(join(data, file), "utf8")) as Row[];
  const complete = all.filter((row) => columns.every((column) => typeof row[column] === "number"));
  // A fixed shuffle: the files are sorted.
  const { uniform } = randomStream(1);
  return complete
    .map((row) => ({ row, key: uniform() }))
    .sort((a, b) => a.key - b.key)
    .map(({ row }) => row);
}

function standardised(table: readonly Row[], columns: readonly string[]): number[][] {
  const moments = columns.map((column) => {
    const values = table.map((row) => row[column] as number);
    const mean = values.reduce((sum, value) => sum + value / values.length, 0);
    return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2 / values.length, 0)) };
  });
  return table.map((row) =>
    columns.map((column, index) => {
      const { mean, deviation } = moments[index] as { mean: number; deviation: number };
      return ((row[column] as number) - mean) / deviation;
    }),
  );
}
