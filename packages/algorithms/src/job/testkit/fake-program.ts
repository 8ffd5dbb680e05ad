import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { defineAlgorithm } from "../algorithm.ts";
import { CustomerError } from "../errors.ts";
import { categorical, int } from "../hyperparameters.ts";
import { runProgram } from "../program.ts";

/**
 * An algorithm for tests of the lifecycle: learns the mean of the label and adds to it the sum of a row's features. Its
 * `mode` makes it fail or linger.
 */
const fake = defineAlgorithm(
  {
    name: "fake",
    aliases: [],
    registry: "first-party",
    hyperparameters: {
      mode: categorical({
        words: ["learn", "linger", "crash", "refuse", "reject", "exhaust"],
        default: "learn",
        doc: "What happens.",
      }),
      rounds: int({ min: 1, default: 1, doc: "Rounds." }),
    },
    channels: [
      { name: "train", required: true, contentTypes: ["text/csv", "application/x-recordio-protobuf"] },
      { name: "validation", required: false, contentTypes: ["text/csv"] },
    ],
    metrics: [],
    supportsDistributedTraining: false,
  },
  {
    title: "Fake",
    response: { wrapper: "predictions", defaultAccept: "application/json" },
    fit: async (job) => {
      const { mode } = job.hyperparameters;
      if (mode === "crash") throw new TypeError("something is undefined");
      if (mode === "refuse") throw new CustomerError("the labels are not labels");
      if (mode === "exhaust") throw new RangeError("Array buffer allocation failed");
      // A promise that nobody awaits: the process must not live on as if all were well.
      if (mode === "reject") {
        void Promise.reject(new Error("nobody awaited this"));
        await setTimeout(10_000);
      }
      const table = await job.channels.get("train")?.read({ labelWidth: 1, defaultContentType: "text/csv" });
      if (table === undefined) throw new Error("no train channel");
      if (mode === "linger") {
        job.log.info("lingering");
        while (!job.signal.aborted) await setTimeout(5);
      }
      const mean = table.labels.reduce((sum, label) => sum + label, 0) / table.features.count;
      const { cpus, memoryBytes, given, resources } = job;
      const seen = { mean, width: table.features.width, cpus, memoryBytes, given, resources };
      writeFileSync(join(job.modelDirectory, "model.json"), JSON.stringify(seen));
      if (job.checkpointsDirectory === undefined) return;
      const counter = join(job.checkpointsDirectory, "count");
      const before = existsSync(counter) ? Number(readFileSync(counter, "utf8")) : 0;
      writeFileSync(counter, String(before + job.hyperparameters.rounds));
    },
    load: async (directory) => {
      const { mean, width } = JSON.parse(readFileSync(join(directory, "model.json"), "utf8"));
      return {
        featureDim: width,
        predict: (rows) => {
          const values = new Float64Array(rows.count).fill(mean);
          if (rows.kind === "dense")
            for (const [i, value] of rows.values.entries()) values[Math.floor(i / width)]! += value;
          if (values[0] === 666) throw new Error("the beast");
          return { rows: rows.count, columns: [{ name: "score", values }] };
        },
      };
    },
  },
);

const [action, name] = process.argv.slice(2);
await runProgram(action, name, { algorithms: { fake: async () => fake } });
