import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline as stream } from "node:stream/promises";
import { readChannel } from "../autopilot/data/read-channel.ts";
import type { TrainingContext } from "../job/algorithm.ts";
import { CustomerError } from "../job/errors.ts";
import { placesOf, recode } from "../transforms/encode/categories.ts";
import { labelsOf } from "../transforms/encode/labels.ts";
import { fitTransform } from "../transforms/fit.ts";
import type { AnySpec } from "../transforms/kinds.ts";
import { type Column, numeric } from "../transforms/table/column.ts";
import { pickColumns } from "../transforms/table/table.ts";
import { writeArtifact } from "./artifact.ts";
import { inputsOf, parseJson, readColumnTypes, typedTable } from "./column-types.ts";
import { csvLines } from "./encode.ts";
import type { FeatureTransformsHyperparameters } from "./hyperparameters.ts";

/**
 * Fits a transform on the rows of the train channel. The model is the fitted transform; output.tar.gz has `train.csv`, the
 * rows as a learner should see them: the target first, classes by their numbers, and without a header.
 */
export async function fit(job: TrainingContext<FeatureTransformsHyperparameters>): Promise<void> {
  const { hyperparameters, log } = job;
  const spec = parseJson(hyperparameters.pipeline, "pipeline") as AnySpec;
  if (typeof spec !== "object" || spec === null || typeof spec.kind !== "string") {
    throw new CustomerError(`Hyperparameter 'pipeline' must be a JSON object with a "kind".`);
  }
  const types = readColumnTypes(hyperparameters.column_types);
  const channel = job.channels.get("train");
  if (channel === undefined) throw new CustomerError("There is no channel 'train'.");
  const raw = readChannel(channel, { memoryBytes: job.memoryBytes });
  if (raw.count === 0) throw new CustomerError("Channel 'train' has no rows.");
  const { target } = hyperparameters;
  if (target !== undefined && !raw.names.includes(target)) {
    throw new CustomerError(`The target '${target}' is no column. The columns are ${raw.names.join(", ")}.`);
  }
  const all = inputsOf(raw, types);
  const table = typedTable(raw, all, (message) => new CustomerError(`Channel 'train': ${message}`));
  const inputs = all.filter(({ name }) => name !== target);
  const features = pickColumns(
    table,
    inputs.map(({ name }) => name),
  );
  const wanted = target === undefined ? undefined : table.columns.get(target);
  job.signal.throwIfAborted();
  const { fitted, training } = fitTransform(spec, { table: features, ...(wanted && { target: wanted }) });
  const outputs = [...training.table.columns.keys()];
  log.info(`${raw.count} rows of ${inputs.length} columns become ${training.table.rows} rows of ${outputs.length}.`);
  const classes = wanted?.kind === "text" ? labelsOf(wanted, table.rows).classes : undefined;
  const lines = csvLines(training.table, training.target && labels(training.target, classes));
  await stream(Readable.from(lines), createWriteStream(join(job.outputDirectory, "train.csv")));
  const about = target === undefined ? {} : { target: { name: target, ...(classes && { classes }) } };
  await writeArtifact(job.modelDirectory, { inputs, fitted, outputs, ...about });
}

/** Classes by their numbers, which learners want. */
function labels(target: Column, classes: readonly string[] | undefined): Column {
  if (classes === undefined || target.kind !== "text") return target;
  const places = placesOf(classes);
  return numeric(recode(target, (name) => places.get(name) as number, Number.NaN));
}
