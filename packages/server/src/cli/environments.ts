import { setTimeout as sleep } from "node:timers/promises";
import { type Configuration, ConfigurationError, parseCommandLine, readConfiguration } from "../configuration.ts";
import { dataDirectoryPaths } from "../data-directory.ts";
import { FrameworkImages } from "../images/frameworks/framework-images.ts";
import { builtInFrameworks, extendedTable } from "../images/frameworks/framework-table.ts";
import { resolveImage, UnknownImage } from "../images/resolve-image.ts";
import { jsonLog } from "../log.ts";
import { CommandError } from "./command-error.ts";
import { ProgressBar } from "./progress-bar.ts";
import { findServer } from "./running-server.ts";

/** How often the bar looks how far the environment is. */
const lookMillis = 100;

/** `sagebrush environments [list | make IMAGE... | remove KEY...]`: what stands for framework images on this host. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommandLine(args);
  const [verb = "list", ...names] = positionals;
  const configuration = readConfiguration(values);
  const frameworks = open(configuration);
  try {
    if (verb === "list" && names.length === 0) return await list(frameworks);
    if (verb === "make" && names.length > 0) return await makeAll(frameworks, configuration, names);
    if (verb === "remove" && names.length > 0) return await removeAll(frameworks, configuration, names);
    throw new ConfigurationError("say list, make IMAGE..., or remove KEY....");
  } finally {
    await frameworks.close();
  }
}

function tableOf({ frameworksFile }: Configuration) {
  return frameworksFile === undefined ? builtInFrameworks : extendedTable(frameworksFile);
}

function open(configuration: Configuration): FrameworkImages {
  const directory = configuration.environmentsDirectory ?? dataDirectoryPaths(configuration.dataDirectory).environments;
  // What goes wrong is this command's own answer.
  return new FrameworkImages({ directory, table: tableOf(configuration), log: jsonLog(() => undefined) });
}

async function list(frameworks: FrameworkImages): Promise<number> {
  const found = await frameworks.list();
  if (found.length === 0)
    process.stdout.write("There are no environments: the first job of a framework makes its own.\n");
  for (const { key, title, sizeBytes, usedAt } of found) {
    const size = `${(sizeBytes / 1e6).toFixed(0)} MB`.padStart(9);
    process.stdout.write(`${key}  ${size}  used ${new Date(usedAt).toISOString().slice(0, 16)}Z  ${title}\n`);
  }
  return 0;
}

async function makeAll(
  frameworks: FrameworkImages,
  configuration: Configuration,
  uris: readonly string[],
): Promise<number> {
  const table = tableOf(configuration);
  // All are looked at before the first is made: a typing error should not show after minutes.
  const images = uris.map((uri) => {
    const image = known(() => resolveImage(uri, { frameworks: table }));
    const refusal = frameworks.refusal(image);
    if (refusal !== undefined) throw new CommandError(`${uri}: ${refusal}.`);
    return image;
  });
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    for (const image of images) {
      const bar = new ProgressBar(process.stderr);
      for (;;) {
        const made = await frameworks.prepare({ image, start: { verb: "train", environment: {} } });
        if (made.state === "preparing") {
          bar.show(made.progress.text, made.progress.share);
          await sleep(lookMillis, undefined, { signal: stop.signal }).catch(() => undefined);
          if (!stop.signal.aborted) continue;
          bar.end();
          throw new CommandError("interrupted; what was half made will be collected.");
        }
        bar.end();
        if (made.state === "failed") throw new CommandError(made.reason);
        break;
      }
      process.stdout.write(`${image.uri} is ready.\n`);
    }
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
  return 0;
}

function known<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (error instanceof UnknownImage) throw new CommandError(error.message);
    throw error;
  }
}

async function removeAll(
  frameworks: FrameworkImages,
  { dataDirectory }: Configuration,
  keys: readonly string[],
): Promise<number> {
  if (findServer(dataDirectory)) {
    throw new CommandError(
      "a server runs, whose jobs and endpoints may stand on an environment: sagebrush gc removes those that nothing uses, or stop it first (sagebrush down --all).",
    );
  }
  const there = await frameworks.list();
  const chosen = keys.map((key) => {
    const matching = there.filter((each) => each.key.startsWith(key));
    const [only] = matching;
    if (only === undefined)
      throw new CommandError(`there is no environment ${key}; sagebrush environments lists them.`);
    if (matching.length > 1) throw new CommandError(`${key} is the beginning of ${matching.length} keys.`);
    return only;
  });
  for (const { key, title } of chosen) {
    if (!(await frameworks.remove(key))) throw new CommandError(`${key} (${title}) is being made by another server.`);
    process.stdout.write(`Removed ${key} (${title}).\n`);
  }
  return 0;
}
