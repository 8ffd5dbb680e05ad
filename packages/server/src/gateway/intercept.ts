import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder with the `sitecustomize.py` that sends botocore's AWS addresses to `AWS_ENDPOINT_URL`. */
const hookFolder = join(fileURLToPath(new URL("../../../../python/intercept", import.meta.url)));

/**
 * Variables that make unchanged Python programs come to this server even where they build AWS addresses themselves
 * (`sagebrush env --intercept`), and that keep the SageMaker Python SDK from reporting its use. What is already on `PYTHONPATH` stays behind the hook.
 */
export function interceptEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const others = (environment["PYTHONPATH"] ?? "")
    .split(delimiter)
    .filter((path) => path !== "" && path !== hookFolder);
  return {
    PYTHONPATH: [hookFolder, ...others].join(delimiter),
    // The lowest of the SDK's layers: a configuration of the user's own still wins over it.
    SAGEMAKER_ADMIN_CONFIG_OVERRIDE:
      environment["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] ?? join(hookFolder, "sagemaker-config.yaml"),
  };
}
