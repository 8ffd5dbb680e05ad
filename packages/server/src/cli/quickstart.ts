import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCommandLine, readConfiguration } from "../configuration.ts";
import { startInBackground } from "./quickstart/background-server.ts";
import { confusionMatrix } from "./quickstart/confusion-matrix.ts";
import { firstModel } from "./quickstart/first-model.ts";
import { penguins } from "./quickstart/penguins.ts";

const wantedAccuracy = 0.97;

/** `sagebrush quickstart`: a server, a trained model, an endpoint and predictions, on real data. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseCommandLine(args, { keep: { type: "boolean" } });
  const keep = values["keep"] === "true";
  // Without --keep nothing stays behind: an installation of its own, on a free port, removed at the end.
  const scratch = keep ? undefined : mkdtempSync(join(tmpdir(), "sagebrush-quickstart-"));
  const configuration = readConfiguration(
    scratch === undefined ? values : { port: "0", ...values, "data-dir": scratch },
  );
  const started = performance.now();
  const server = await phase("Start the platform", () => startInBackground(configuration));
  try {
    const data = penguins();
    process.stdout.write(
      `  ${server.url}; ${data.train.length} penguins to learn from, ${data.heldOut.length} held out, ` +
        `${data.species.length} species, ${data.features.length} measurements\n`,
    );
    const predicted = await firstModel({ server, data, phase, tidyUp: !keep });
    const truth = data.heldOut.map((row) => row.label);
    const correct = truth.filter((label, index) => label === predicted[index]).length;
    const accuracy = correct / truth.length;
    process.stdout.write(`\n${confusionMatrix(data.species, truth, predicted)}\n`);
    process.stdout.write(`Accuracy on the held-out third: ${accuracy.toFixed(3)} (${correct} of ${truth.length})\n`);
    if (accuracy < wantedAccuracy) {
      process.stderr.write(`That is below ${wantedAccuracy}: something is wrong with this build.\n`);
      return 1;
    }
  } finally {
    if (keep) {
      process.stdout.write(`\nLeft running on ${server.url}: \`sagebrush status\`, \`sagebrush down\`.\n`);
    } else {
      await phase("Stop the platform", () => server.stop());
      if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
    }
  }
  process.stdout.write(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s.\n`);
  return 0;
}

async function phase<Result>(title: string, work: () => Promise<Result>): Promise<Result> {
  const started = performance.now();
  process.stdout.write(`${title.padEnd(34, " .")} `);
  const result = await work();
  process.stdout.write(`${((performance.now() - started) / 1000).toFixed(2)} s\n`);
  return result;
}
