import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder with the `sitecustomize.py` that sends botocore's AWS addresses to `AWS_ENDPOINT_URL`. */
const hookFolder = join(fileURLToPath(new URL("../../../../python/intercept", import.meta.url)));

/**
 * Variables that make unchanged Python programs come to this server even where they build AWS addresses themselves
 * (`sagebrush env --intercept`). What is already on `PYTHONPATH` stays behind the hook.
 */
export function interceptEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const others = (environment["PYTHONPATH"] ?? "")
    .split(delimiter)
    .filter((path) => path !== "" && path !== hookFolder);
  return { PYTHONPATH: [hookFolder, ...others].join(delimiter) };
}
