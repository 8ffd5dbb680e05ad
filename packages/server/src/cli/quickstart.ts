import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseCommandLine, readConfiguration } from "../configuration.ts";
import { CommandError } from "./command-error.ts";
import { type BackgroundServer, startInBackground, stopBackground } from "./quickstart/background-server.ts";
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
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => interrupted.abort(new CommandError(`interrupted by ${signal}.`)));
  }
  const phase = phases(interrupted.signal);
  let server: BackgroundServer | undefined;
  try {
    server = await phase("Start the platform", () => startInBackground(configuration, interrupted.signal));
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
    if (scratch === undefined) {
      if (server) process.stdout.write(keptRunning(server.url));
    } else {
      await phases()("Stop the platform", () => stopBackground(configuration.dataDirectory));
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  process.stdout.write(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s.\n`);
  return 0;
}

/** Runs phases one after the other, each on a line with its time; none outlasts `signal`. */
function phases(signal?: AbortSignal): <Result>(title: string, work: () => Promise<Result>) => Promise<Result> {
  return async (title, work) => {
    const started = performance.now();
    process.stdout.write(title.padEnd(34, " ."));
    const stop = new Promise<never>((_, reject) => {
      const abort = (): void => reject(signal?.reason);
      if (signal?.aborted) abort();
      signal?.addEventListener("abort", abort, { once: true });
    });
    // Whoever is interrupted between two phases hears of it in the next one.
    stop.catch(() => {});
    try {
      const result = await Promise.race([work(), stop]);
      process.stdout.write(` ${((performance.now() - started) / 1000).toFixed(2)} s\n`);
      return result;
    } catch (error) {
      process.stdout.write("\n");
      throw error;
    }
  };
}

function keptRunning(url: string): string {
  const command = fileURLToPath(new URL("../../../../bin/sagebrush", import.meta.url));
  return [
    `\nLeft running on ${url}, with its endpoint. Next:`,
    `  export PATH="${dirname(command)}:$PATH"`,
    "  sagebrush status",
    "  sagebrush down --all        # stops the endpoint as well\n",
  ].join("\n");
}
