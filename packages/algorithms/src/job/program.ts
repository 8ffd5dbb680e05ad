import { registry, servers } from "../registry.ts";
import type { AlgorithmModule } from "./algorithm.ts";
import { writeLine } from "./write-line.ts";

/** Algorithms by name; a test brings its own. */
export type AlgorithmRegistry = Readonly<Record<string, () => Promise<AlgorithmModule>>>;

/**
 * Runs `train` or `serve` of a named algorithm, to the end of the process.
 * @param library - The shared library that the algorithm stands on, where it has one.
 */
export async function runProgram(
  action: string | undefined,
  name: string | undefined,
  { algorithms = registry, library }: { algorithms?: AlgorithmRegistry; library?: string | undefined } = {},
): Promise<void> {
  if (action === "serve" && Object.hasOwn(servers, name ?? "")) {
    const [{ serve }, server] = await Promise.all([import("./serve.ts"), servers[name ?? ""]?.()]);
    if (server !== undefined) return await serve(server, process.env, library);
  }
  const load = Object.hasOwn(algorithms, name ?? "") ? algorithms[name ?? ""] : undefined;
  if (load === undefined || (action !== "train" && action !== "serve")) {
    writeLine(`Usage: train|serve ALGORITHM. Algorithms: ${Object.keys(algorithms).join(", ")}.`);
    process.exit(64); // EX_USAGE of sysexits.h
  }
  if (action === "train") {
    const [{ train }, algorithm] = await Promise.all([import("./train.ts"), load()]);
    process.exit(await train(algorithm, process.env, library));
  }
  const [{ serve }, algorithm] = await Promise.all([import("./serve.ts"), load()]);
  await serve(algorithm, process.env, library);
}
