import { openChannels } from "../../../job/open-channels.ts";
import { linearLearnerDefinition } from "../../../linear-learner/definition.ts";

/** Streams the train channel of a data directory twice and prints how much memory the process took at most. */
const [dataDirectory = "", cpus, memoryBytes] = process.argv.slice(2);
const channels = openChannels(
  linearLearnerDefinition,
  { train: { TrainingInputMode: "File", ContentType: "text/csv;label_size=0" } },
  { dataDirectory, cpus: Number(cpus), memoryBytes: Number(memoryBytes), signal: new AbortController().signal },
);
const stream = channels.get("train")?.stream({ labelWidth: 0, defaultContentType: "text/csv", isDense: true }) ?? [];
let rows = 0;
let sum = 0;
for (const _ of [0, 1]) {
  for await (const { features } of stream) {
    rows += features.count;
    for (const value of features.values) sum += value;
  }
}
process.stdout.write(JSON.stringify({ rows, sum, peakBytes: process.resourceUsage().maxRSS * 1024 }));
