import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Defined (as `true`) only in the bundle that scripts/setup/algorithms.mjs makes. */
declare const SAGEBRUSH_BUNDLE: boolean | undefined;

const bundled = typeof SAGEBRUSH_BUNDLE !== "undefined";

/**
 * Path of a build product, such as a kernel (`csv.wasm` from csv.as.ts). The bundle lies among them, wherever that
 * folder is bound; sources find them in the package's .build folder.
 */
export function buildFile(name: string): string {
  return join(import.meta.dirname, bundled ? "." : "../../.build", name);
}

/**
 * Where a worker thread's code is: `workerFile(import.meta.url, "csv.worker")` names csv.worker.ts beside the caller,
 * or its bundle. Every `*.worker.ts` becomes a bundle of its own.
 */
export function workerFile(callerUrl: string, name: string): URL {
  if (bundled) return pathToFileURL(buildFile(`${name}.mjs`));
  return pathToFileURL(join(fileURLToPath(new URL(".", callerUrl)), `${name}.ts`));
}
